"""The demo: builds the page, opens it, and loads the models while the visitor looks around."""

import os
import tempfile

import spaces  # noqa: F401, before torch, which it prepares on ZeroGPU

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ.setdefault("GRADIO_TEMP_DIR", tempfile.mkdtemp(prefix="adapter-uploads-"))

from adapter.service.sessions import Sessions
from adapter.ui.page import build, serving

page = build(Sessions.temporary())

if __name__ == "__main__":
    page.launch(**serving())

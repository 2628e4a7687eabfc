"""The demo: builds the page, opens it, and loads the models while the first visitor looks around."""

import logging
import os
import sys
import threading
import time

import spaces

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

from adapter.errors import UserError
from adapter.service.sessions import Sessions
from adapter.service.settings import Settings

FIRST_PAGE_SECONDS = 4.0
"""The first page has the processor to itself for that long, before the models are loaded."""


def main() -> None:
    """Serve the page until interrupted."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        settings = Settings.from_environment().with_available_base()
    except UserError as error:
        sys.exit(str(error))
    sessions = Sessions.temporary()
    sessions.keep_swept()
    os.environ.setdefault("GRADIO_TEMP_DIR", str(sessions.uploads))
    from adapter.ui.page import build, serving  # Gradio reads its folder when it is imported

    page = build(settings, sessions)
    page.launch(**serving(settings), prevent_thread_lock=True)
    if not spaces.config.Config.zero_gpu:  # on ZeroGPU the models belong to the workers
        time.sleep(FIRST_PAGE_SECONDS)
        # PyTorch's helper threads live as long as the thread that they serve. This one's must not outlive the loading:
        # if there are more helpers than cores, all of them fall asleep between operations, those of jobs, too.
        loading = threading.Thread(target=warm_up, args=[settings])
        loading.start()
        loading.join()
    page.block_thread()


def warm_up(settings: Settings) -> None:
    """Load the models; if that fails, visitors are told why when they press Adapt."""
    from adapter.service import models  # loads torch, when the page is already up

    try:
        models.warm_up(settings)
    except UserError as error:
        logging.getLogger("adapter").warning("The models are not ready: %s", error)


if __name__ == "__main__":
    main()

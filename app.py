"""The demo: builds the page, opens it, and loads the models while the first visitor looks around."""

import os
import threading
import time

import spaces

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

from adapter.errors import UserError
from adapter.hub.bases import choose_base, prepare
from adapter.service.sessions import Sessions
from adapter.ui.importing import importing_gradio

FIRST_PAGE_SECONDS = 4.0
"""The first page has the processor to itself for so long, before the models are loaded."""


def main() -> None:
    """Serve the page until interrupted."""
    if "LIBRARY" not in os.environ:
        choice = prepare(choose_base())
        print(f"Base {choice.base}, read by {choice.encoder}. {choice.reason}")
        os.environ["BASE"], os.environ["ENCODER"] = choice.base, choice.encoder

    sessions = Sessions.temporary()
    sessions.keep_swept()
    os.environ.setdefault("GRADIO_TEMP_DIR", str(sessions.uploads))
    with importing_gradio():
        from adapter.ui.page import build, serving  # these read the base and the folder from the environment

    page = build(sessions)
    page.launch(**serving(), prevent_thread_lock=True)
    if not spaces.config.Config.zero_gpu:  # on ZeroGPU the models belong to the workers
        time.sleep(FIRST_PAGE_SECONDS)
        # PyTorch's helper threads live as long as the thread that they serve. This one's must not outlive the loading:
        # where there are more helpers than cores, all of them fall asleep between operations, those of jobs, too.
        loading = threading.Thread(target=warm_up)
        loading.start()
        loading.join()
    page.block_thread()


def warm_up() -> None:
    """Load the models; where that fails, visitors are told why when they press Adapt."""
    from adapter.methods.offers import BASE, ENCODER
    from adapter.service import models  # loads torch, when the page is already up

    try:
        models.warm_up(BASE, ENCODER)
    except UserError as error:
        print(f"The models are not ready: {error}")


if __name__ == "__main__":
    main()

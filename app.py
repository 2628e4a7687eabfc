"""The demo: builds the page, opens it, and loads the models while the first visitor looks around."""

import contextlib
import logging
import os
import signal
import sys
import threading
import time

from adapter.utils.threads import too_many_threads  # the package chooses threads before anything loads PyTorch

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import spaces

from adapter.errors import UserError
from adapter.service.sessions import Sessions
from adapter.service.settings import Settings
from adapter.utils.environment import prepare

FIRST_PAGE_SECONDS = 4.0
"""The first page has the processor to itself for that long, before the models are loaded."""
_NOT_FOR_GRADIO = {"GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT", "GRADIO_NUM_PORTS"}
"""Read by `Settings`; Gradio could not listen on an IPv6 address that it read by itself."""


def main() -> None:
    """Serve the page until interrupted."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    prepare()
    if advice := too_many_threads():
        print(advice, file=sys.stderr)
    try:
        settings = Settings.from_environment().with_available_base().with_free_port()
        sessions = Sessions.temporary()
    except UserError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"There is no room for temporary files ({error}). Set TMPDIR to a folder that can be written.")
    end_on_signals(sessions)
    sessions.keep_swept()
    for name in _NOT_FOR_GRADIO | {name for name in os.environ if name.startswith("GRADIO_")}:
        if name in _NOT_FOR_GRADIO or not os.environ[name].strip():
            os.environ.pop(name, None)  # Gradio would take an empty number for a wrong one
    os.environ.setdefault("GRADIO_TEMP_DIR", str(sessions.uploads))
    from adapter.ui.page import build, serving  # Gradio reads its folder when it is imported

    if spaces.config.Config.zero_gpu:
        load_models(settings, render=False)  # workers are forked when a visitor comes, and find what is here by then
    page = build(settings, sessions)
    page.launch(**serving(settings), prevent_thread_lock=True)
    if not spaces.config.Config.zero_gpu:
        time.sleep(FIRST_PAGE_SECONDS)
        # PyTorch's helper threads live as long as the thread that they serve. This one's must not outlive the loading:
        # if there are more helpers than cores, all of them fall asleep between operations, those of jobs, too.
        loading = threading.Thread(target=load_models, args=[settings, True])
        loading.start()
        loading.join()
    page.block_thread()


def end_on_signals(sessions: Sessions) -> None:
    """End at once when told to, whatever the threads compute, and leave no file of a visitor behind."""

    def end(number: int, frame: object) -> None:
        sessions.close()
        with contextlib.suppress(RuntimeError, OSError):  # interrupted while it prints
            sys.stdout.flush()
        os._exit(0 if number == signal.SIGTERM else 130)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)


def load_models(settings: Settings, render: bool) -> None:
    """Load the models, and render once if asked to; if that fails, visitors are told why when they press Adapt.

    Where a CPU renders, its kernels are compiled afterwards.
    """
    from adapter.service import models  # loads torch

    try:
        (models.warm_up if render else models.preload)(settings)
    except UserError as error:
        logging.getLogger("adapter").warning("The models are not ready: %s", error)
    if render and models.device().type == "cpu":
        from adapter.eg3d.cpu import native

        native.build_and_load()


if __name__ == "__main__":
    main()

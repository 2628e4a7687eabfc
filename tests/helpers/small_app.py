"""The app with small videos, for tests of the page: python -m tests.helpers.small_app."""

import app  # first, as it chooses the number of threads before PyTorch is loaded
from adapter.service import result_files
from adapter.service.worker import outputs, walk


def main() -> None:
    """Serve the page until interrupted, and load the models at once."""
    from gradio import networking

    networking.url_ok = lambda url: True  # gives up within seconds; whoever starts the app is more patient
    app.FIRST_PAGE_SECONDS = 0.0
    result_files.VIDEO_TILE, outputs.PREVIEW_TILE, walk.SIDE = 64, 128, 128
    app.main()


if __name__ == "__main__":
    main()

"""Loading CLIP says nothing, and silences nobody else."""

import logging
import threading

import pytest

from adapter.encoders.models import _quiet


def test_only_the_loading_thread_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    with _quiet():
        logging.warning("from the loader")
        other = threading.Thread(target=logging.warning, args=["from a visitor's job"])
        other.start()
        other.join()
    logging.warning("afterwards")
    assert [record.message for record in caplog.records] == ["from a visitor's job", "afterwards"]


def test_loaders_that_overlap_leave_the_log_as_it_was(caplog: pytest.LogCaptureFixture) -> None:
    first, second = _quiet(), _quiet()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    second.__exit__(None, None, None)
    logging.getLogger("adapter").error("heard")
    logging.warning("heard")
    assert [record.message for record in caplog.records] == ["heard", "heard"]

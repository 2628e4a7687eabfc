"""Every expected failure has a sentence of its own, and the owner finds the cause in the log."""

import errno

import httpx
import pytest
import torch

from adapter.errors import UserError
from adapter.service.failures import (
    DISK_FULL,
    LOST_FILE,
    NO_ANSWER,
    NOT_ALLOWED,
    OUT_OF_MEMORY,
    UNEXPECTED,
    explain,
    known,
)
from adapter.service.gpu import advice
from adapter.service.requests import RenderRequest


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), DISK_FULL),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), DISK_FULL),
        (RuntimeError("I/O error: No space left on device (os error 28)"), DISK_FULL),
        (FileNotFoundError("/tmp/gone.png"), LOST_FILE),
        (PermissionError("/tmp"), NOT_ALLOWED),
        (MemoryError(), OUT_OF_MEMORY),
        (torch.OutOfMemoryError("CUDA out of memory"), OUT_OF_MEMORY),
        (RuntimeError("CUDA error: out of memory"), OUT_OF_MEMORY),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"), OUT_OF_MEMORY),
        (ConnectionResetError(), NO_ANSWER),
        (httpx.ConnectTimeout("slow"), NO_ANSWER),
        (ZeroDivisionError("secret"), UNEXPECTED),
    ],
)
def test_each_has_its_sentence_and_a_line_in_the_log(error, sentence: str, caplog: pytest.LogCaptureFixture):
    assert explain(error) == sentence
    assert type(error).__name__ in caplog.text


def test_sentences_for_the_visitor_are_not_logged(caplog: pytest.LogCaptureFixture):
    assert explain(UserError("Choose a picture.")) == "Choose a picture."
    assert not caplog.records
    assert known(ValueError()) is None


def test_what_an_error_was_raised_from_counts():
    error = RuntimeError("muxing failed")
    error.__cause__ = OSError(errno.ENOSPC, "full")
    assert known(error) == DISK_FULL


@pytest.mark.parametrize(
    ("message", "next_step"),
    [
        ("Expired ZeroGPU proxy token", "Reload"),
        ("ZeroGPU API /schedule error: 500 (Internal Server Error)", "Try again in a minute"),
        ("You have exceeded your ZeroGPU runs limit.", "Log in"),
        ("No GPU was available", "Try again in a minute"),
    ],
)
def test_refusals_of_a_gpu_name_the_next_step(message: str, next_step: str):
    assert next_step in (advice(RuntimeError(message), RenderRequest("domain", "folder")) or "")

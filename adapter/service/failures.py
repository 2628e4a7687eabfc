"""What went wrong, in words for the person at the keyboard: one table from exceptions to sentences."""

import errno
import logging
import re

from adapter.errors import UserError

UNEXPECTED = "Something broke here that should not. Try again in a minute."
DISK_FULL = "The disk of this machine is full, so the files could not be written. Try again in a few minutes."
LOST_FILE = "A file that this needs is no longer here: files are removed after an hour. Choose it again."
OUT_OF_MEMORY = "There is not enough memory for this. Try again in a minute, or choose a shorter preset."
NOT_ALLOWED = "This machine does not allow the files to be written. Its owner can read the reason in the log."
NO_ANSWER = "A service that this needs does not answer. Try again in a minute."

_BY_ERRNO = {errno.ENOSPC: DISK_FULL, errno.EDQUOT: DISK_FULL, errno.EROFS: NOT_ALLOWED}
_BY_NAME = {
    "FileNotFoundError": LOST_FILE,
    "PermissionError": NOT_ALLOWED,
    "MemoryError": OUT_OF_MEMORY,
    "OutOfMemoryError": OUT_OF_MEMORY,
    "ConnectionError": NO_ANSWER,
    "TimeoutError": NO_ANSWER,
    "TransportError": NO_ANSWER,
}
"""By the names of classes, so that neither torch nor httpx is loaded for it."""
_LOG = logging.getLogger("adapter")


def known(error: BaseException | None) -> str | None:
    """The sentence for an error or for what it was raised from; None for one that nobody expects."""
    while error is not None:
        if isinstance(error, UserError):
            return str(error)
        sentence = _BY_ERRNO.get(getattr(error, "errno", None) or 0)
        for kind in type(error).__mro__:
            sentence = sentence or _BY_NAME.get(kind.__name__)
        # Some of CUDA's libraries say it in words alone.
        if sentence is None and re.search(r"CUDA.*out of memory|CUBLAS_STATUS_ALLOC_FAILED|CUDNN.*ALLOC", str(error)):
            sentence = OUT_OF_MEMORY
        # Writers of videos and of tensors wrap the system's error into one of their own.
        if sentence is None and "No space left on device" in str(error):
            sentence = DISK_FULL
        if sentence is not None:
            return sentence
        error = error.__cause__
    return None


def explain(error: Exception) -> str:
    """The sentence for the visitor; whatever is not a `UserError` is also written to the log."""
    sentence = known(error)
    if sentence is None:
        _LOG.error("Something unexpected failed", exc_info=error)
    elif not isinstance(error, UserError):
        _LOG.warning("%s (%s: %s)", sentence, type(error).__name__, " ".join(str(error).split()))
    return sentence or UNEXPECTED

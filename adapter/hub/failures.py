"""What a failed request to the Hub means, as a sentence that says what to do next."""

import errno
from collections.abc import Callable

from huggingface_hub import constants
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from adapter.errors import UserError
from adapter.hub.remote import Remote

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_Test = Callable[[Exception], bool]


def explain(error: Exception, title: str, repo: str, remote: Remote | None = None) -> UserError:
    """What a failed request to the Hub means for the user.

    Args:
        error: what huggingface_hub raised.
        title: of the thing that was wanted.
        repo: its repository.
        remote: the Hub that was asked.
    """
    if isinstance(error, LocalEntryNotFoundError) and isinstance(error.__cause__, Exception):
        error = error.__cause__
    text = next(text for fits, text in _SENTENCES if fits(error))
    where = f"{(remote or Remote()).address}/{repo}"
    return UserError(text.format(title=title, where=where, repo=repo[:80], status=_status(error)))


def _status(error: Exception) -> int:
    return error.response.status_code if isinstance(error, HfHubHTTPError) else 0


def _is(*kinds: type[Exception]) -> _Test:
    return lambda error: isinstance(error, kinds)


def _answered(low: int, high: int | None = None) -> _Test:
    return lambda error: low <= _status(error) <= (high or low)


def _is_switched_off(error: Exception) -> bool:
    return isinstance(error, OfflineModeIsEnabled) or constants.is_offline_mode()


_SENTENCES: tuple[tuple[_Test, str], ...] = (
    (
        _is(GatedRepoError),
        "{title} is gated: its owner decides who may have it. Ask for access at {where}, log in, and try again.",
    ),
    (_is(RemoteEntryNotFoundError), "{title} is not in {where} any more. Choose another one, or an embedded one."),
    (
        _is(RevisionNotFoundError),
        "The version of {title} that was asked for is not at {where}. Choose another one, or an embedded one.",
    ),
    (
        lambda error: isinstance(error, RepositoryNotFoundError) or _status(error) == 404,
        "{title} was not found: {where} does not exist or is private. Check the name, or log in.",
    ),
    (_answered(401), "The Hub does not allow this for {where}. Log in with a token that may, and try again."),
    (_answered(403), "The Hub does not allow this for {where}. Log in with a token that may, and try again."),
    (_answered(429), "The Hub has had too many requests from here. Wait some minutes and try again."),
    (_answered(500, 999), "The Hub has a fault at the moment (it answered {status}). Try again in some minutes."),
    (_is(HFValidationError), "There is no repository named '{repo}'. Write its name as OWNER/NAME."),
    (
        _is_switched_off,
        "{title} is not on this machine, and the Hub is switched off by HF_HUB_OFFLINE. Use an embedded one.",
    ),
    (
        lambda error: getattr(error, "errno", None) in _FULL,
        "The disk is too full for {title}. Free some space, or set HF_HOME to a folder on another disk.",
    ),
    (
        _is(HTTPError, LocalEntryNotFoundError),
        "{title} cannot be fetched: the Hub does not answer. Check the connection and try again.",
    ),
    (lambda error: True, "The download of {title} broke off or could not be stored. Try again."),
)
"""The first row whose test fits says what to tell; special cases stand above the general ones."""

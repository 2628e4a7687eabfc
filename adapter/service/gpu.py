"""The one place where a GPU is asked for. Plain values and files cross over, so sentences travel as updates."""

import contextlib
import re
from collections.abc import Callable, Iterator

import spaces

from adapter.errors import UserError
from adapter.service.requests import LOADING, AdaptRequest, PresentRequest, Request, Update, gpu_seconds
from adapter.utils.memory import release


@spaces.GPU(duration=gpu_seconds)
def _adapt(request: Request) -> Iterator[Update]:
    yield from _told(request)


@spaces.GPU(duration=gpu_seconds)
def _explore(request: Request) -> Iterator[Update]:
    yield from _told(request)


def on_gpu(request: Request) -> Iterator[Update]:
    """Do what a request asks for, on a GPU where there is one.

    Adaptations and explorations are asked for separately, so that neither waits for the other's worker.

    Raises:
        UserError: what the job said, or advice where no GPU is to be had.
    """
    ask = _adapt if isinstance(request, AdaptRequest | PresentRequest) else _explore
    try:
        with contextlib.closing(ask(request)) as updates:
            for update in updates:
                if update.error:
                    raise UserError(update.error)
                yield update
    except Exception as error:
        said = advice(error, request)
        if said is None:
            raise
        raise UserError(said) from error


def advice(error: Exception, request: Request) -> str | None:
    """What to do about ZeroGPU's refusals, which name seconds but no way on; None for any other error."""
    text = str(error)
    limits = re.search(r"\((\d+)s requested vs\. (-?\d+)s left\)", text)
    if limits:
        asked, left = (int(number) for number in limits.groups())
        return f"Your GPU time for today is nearly used up: {left} s are left. {_fits(request, left / asked)}"
    if "GPU" not in text:
        return None
    if re.search(r"requested GPU duration", text):
        return "This job would take longer than the GPU is lent for. Choose fewer steps."
    if re.search(r"limit|quota|credits", text):
        return "No GPU time is left for now. Log in to Hugging Face for more, or duplicate this Space."
    if re.search(r"No GPU was available|queue|aborted", text):
        return "No GPU is free at the moment. Try again in a minute; after logging in to Hugging Face you wait less."
    return None


def _fits(request: Request, share: float) -> str:
    """The way on when only a share of what a request asked for is left."""
    more = "Log in to Hugging Face for more, or come back tomorrow"
    if isinstance(request, AdaptRequest):
        loading = 20 / request.gpu_seconds
        steps = int((share - loading) / (1 - loading) * request.plan.steps)
        if steps >= 10:
            return f"{steps} steps fit into that: set them under Advanced. {more} for the rest."
    return f"{more}."


def _told(request: Request) -> Iterator[Update]:
    long = isinstance(request, AdaptRequest | PresentRequest)
    try:
        if long:
            yield Update(LOADING)
        yield from _runner(request)(request)
    except UserError as error:
        yield Update("", error=str(error))
    finally:
        if long:
            release()


def _runner(request: Request) -> Callable[[Request], Iterator[Update]]:
    from adapter.service.worker import adapt, explore, render  # load torch, so the page is told first

    if isinstance(request, AdaptRequest):
        return adapt.run
    return render.run if isinstance(request, PresentRequest) else explore.run

"""The one place that requests a GPU. Requests, updates and paths cross to the worker, and nothing else."""

import contextlib
import logging
import re
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import spaces

from adapter.errors import UserError
from adapter.service.failures import known
from adapter.service.gpu_time import STEPS, asked, lent_card, result_seconds, training_seconds
from adapter.service.person_requests import InvertRequest, PersonRequest, TextEditRequest
from adapter.service.requests import GRID, IMAGE, LOADING, VIEWS, AdaptRequest, ExploreRequest, RenderRequest, Update
from adapter.service.shape_requests import MeshRequest, WalkRequest
from adapter.utils.memory import release

CARD = lent_card()
LOADING_SECONDS = asked(result_seconds(32, CARD), CARD)
"""Of a GPU, as they are asked for: to start, and to render the result."""
EXPLORING_SECONDS = {IMAGE: 3, VIEWS: 5, GRID: 6}
_FILM_SECONDS = 15
_FEWEST_STEPS, _LENT_AT_ONCE = 10, 4
log = logging.getLogger("adapter")

Inverting = InvertRequest | TextEditRequest
Request = AdaptRequest | RenderRequest | ExploreRequest | Inverting | PersonRequest | MeshRequest | WalkRequest
_QUICK = (ExploreRequest, PersonRequest, MeshRequest, WalkRequest)


def gpu_seconds(request: Request, *_: Any, **__: Any) -> int:
    """Seconds of a GPU that a job needs; `spaces` also passes whatever Gradio adds to the arguments."""
    if isinstance(request, _QUICK):
        return EXPLORING_SECONDS.get(getattr(request, "kind", ""), _FILM_SECONDS)
    training = training_seconds(request.customized, CARD) if isinstance(request, AdaptRequest) else 0.0
    if isinstance(request, Inverting):
        training = (request.steps + getattr(request, "tuning", 0)) * STEPS["synthesis"].seconds(CARD)
    return LOADING_SECONDS + asked(training, CARD)


def is_lent() -> bool:
    """Whether every job borrows a GPU for its own length, as on ZeroGPU."""
    return bool(spaces.config.Config.zero_gpu)


def jobs_at_once() -> int:
    """How many jobs may run together: where GPUs are lent, each has a worker and a card of its own."""
    return _LENT_AT_ONCE if is_lent() else 1


@spaces.GPU(duration=gpu_seconds)
def _adapt(request: Request) -> Iterator[Update]:
    yield from _updates(request)


@spaces.GPU(duration=gpu_seconds)
def _explore(request: Request) -> Iterator[Update]:
    yield from _updates(request)


def on_gpu(request: Request) -> Generator[Update, None, None]:
    """Run a job, on a GPU if there is one; a job that fails leaves one line in the log.

    Adaptations and explorations have functions of their own, so that neither waits for the other's worker.

    Raises:
        UserError: the job failed, or no GPU is available; the message says what to do.
    """
    run, started = _explore if isinstance(request, _QUICK) else _adapt, time.monotonic()
    try:
        with contextlib.closing(run(request)) as updates:
            for update in updates:
                if update.error:
                    raise UserError(update.error)
                yield update
    except Exception as error:
        message = str(error) if isinstance(error, UserError) else advice(error, request) or known(error)
        what = message or f"{type(error).__name__}: {error}"
        log.warning("%s failed after %.1f s: %s", _name(request), time.monotonic() - started, " ".join(what.split()))
        if message is None or isinstance(error, UserError):
            raise
        raise UserError(message) from error


def advice(error: Exception, request: Request) -> str | None:
    """What to do about a refusal by ZeroGPU, as sentences; None for any other error."""
    text = str(error)
    limits = re.search(r"\((\d+)s requested vs\. (-?\d+)s left\)", text)
    if limits:
        requested, left = (int(number) for number in limits.groups())
        return f"Your GPU time for today is nearly used up: {left} s are left. {_what_fits(request, left / requested)}"
    if "GPU" not in text:
        return None
    if "Expired" in text:
        return "This page was open for too long to borrow a GPU. Reload it and start again; what you made stays."
    if "/schedule error" in text:
        return "The service that lends GPUs does not answer. Try again in a minute."
    if "requested GPU duration" in text:
        return "This job would take longer than the GPU is lent for. Choose fewer steps."
    if re.search(r"limit|quota|credits", text):
        return "No GPU time is left for now. Log in to Hugging Face for more, or duplicate this Space."
    if re.search(r"No GPU was available|queue|aborted", text):
        return "No GPU is free at the moment. Try again in a minute; after logging in to Hugging Face you wait less."
    return None


def _what_fits(request: Request, share: float) -> str:
    """What to do if only a share of the seconds of a request is left."""
    more = "Log in to Hugging Face for more, or come back tomorrow"
    if isinstance(request, AdaptRequest):
        training = gpu_seconds(request) - LOADING_SECONDS
        steps = int((share * gpu_seconds(request) - LOADING_SECONDS - 1) / training * request.customized.steps)
        if steps >= _FEWEST_STEPS:
            return f"{steps} steps fit into that: set them under Advanced. {more} for the rest."
    return f"{more}."


def _name(request: Request) -> str:
    kind = type(request).__name__.removesuffix("Request").lower()
    return f"Job {kind} {Path(request.folder).name or '(no folder)'}"


def _updates(request: Request) -> Iterator[Update]:
    """The worker's side. Exceptions would lose their type on the way back, so their sentences travel as updates."""
    large = not isinstance(request, _QUICK)
    try:
        if large:
            yield Update(LOADING)
        yield from _runner(request)(request)
    except Exception as error:
        sentence = known(error)
        if sentence is None:
            raise
        if not isinstance(error, UserError):
            log.warning("%s (%s)", sentence, type(error).__name__)
        yield Update("", error=sentence)
    finally:
        if large:
            release()


def _runner(request: Request) -> Callable[[Any], Iterator[Update]]:
    # These load torch, after the first update.
    from adapter.service.worker import adapt, explore, invert, mesh, person, render, text_edit, walk

    runners: dict[type, Callable[[Any], Iterator[Update]]] = {
        AdaptRequest: adapt.run,
        RenderRequest: render.run,
        ExploreRequest: explore.run,
        InvertRequest: invert.run,
        TextEditRequest: text_edit.run,
        PersonRequest: person.run,
        MeshRequest: mesh.run,
        WalkRequest: walk.run,
    }
    return runners[type(request)]

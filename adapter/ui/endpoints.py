"""What all endpoints for programs share: their hidden components, taking turns, and files in the caller's folder."""

import secrets
from collections.abc import Iterator
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from adapter.methods.offers import TRUNCATION_PSI
from adapter.service import library
from adapter.service.job_queue import JobQueue
from adapter.service.requests import Update
from adapter.service.settings import Settings
from adapter.service.visitors import Visitors
from adapter.ui.handlers import FILMING
from adapter.ui.upload_file import UploadFile
from adapter.utils.atomic import replacing

WAITING = "Waiting"
"""The stage of a job before its turn; its step is how many others are before it."""
FILMS: dict[str, Any] = {**FILMING, "api_visibility": "public"}
_REFUSED_AT_ONCE = 4


class Endpoints:
    """Endpoints for programs; each raises `gr.Error` with a sentence if it cannot do what it is asked.

    Args:
        settings: name the base, its CLIP and the library.
        visitors: who the files belong to.
    """

    def __init__(self, settings: Settings, visitors: Visitors) -> None:
        self.settings, self.visitors = settings, visitors

    def in_turn(
        self, queue: JobQueue, request: gr.Request, folder: str, seconds: float, updates: Iterator[Update]
    ) -> Iterator[Update]:
        """Updates of a job, of which none is computed before its turn in the queue; the wait is told, too."""
        queue.enqueue(folder, self.visitors.of(request.session_hash or "").key, seconds)
        try:
            for before, left in queue.wait(folder):
                yield Update(WAITING, before, seconds_left=seconds + left)
            for update in updates:
                queue.report(folder, update.seconds_left)
                yield update
        finally:
            queue.remove(folder)

    def new_job(self, request: gr.Request) -> str:
        """A fresh folder of the caller."""
        return str(self.visitors.new_job(request.session_hash or ""))

    def keep_view(self, picture: np.ndarray, request: gr.Request) -> str:
        """Write a picture, uint8 [H, W, 3], into the caller's folder, with which it and Gradio's copy of it go."""
        path = self.visitors.folder(request.session_hash or "") / f"view-{secrets.token_hex(4)}.png"
        with replacing(path) as temporary:
            Image.fromarray(picture).save(temporary, format="PNG")
        return str(path)


class SharedInputs:
    """Hidden components that several endpoints take or return. Made inside of a Row that is not visible."""

    def __init__(self) -> None:
        self.go, self.progress = gr.Button(), gr.JSON(label="progress")
        self.domain, self.name = UploadFile(label="domain"), gr.Textbox("", label="name")
        self.seed = gr.Number(0, precision=0, label="seed")
        self.truncation, self.strength = gr.Number(TRUNCATION_PSI, label="truncation"), gr.Number(1.0, label="strength")
        self.person, self.edits = UploadFile(label="person"), gr.Textbox("{}", label="edits")
        self.yaw, self.pitch = gr.Number(0.0, label="yaw"), gr.Number(0.0, label="pitch")
        self.zoom, self.view = gr.Number(1.0, label="zoom"), gr.Image(label="view", format="png")

    @property
    def who(self) -> list[Any]:
        """A person that is drawn, in a world."""
        return [self.domain, self.name, self.seed, self.truncation, self.strength]

    @property
    def camera(self) -> list[Any]:
        """Where the camera stands."""
        return [self.yaw, self.pitch, self.zoom]


def training(visitors: Visitors) -> dict[str, Any]:
    """Options of an endpoint that trains: jobs take turns in a queue of our own, where those refused need no turn."""
    waiting = visitors.queue.capacity + _REFUSED_AT_ONCE
    return {"concurrency_limit": waiting, "concurrency_id": "adapt", "api_visibility": "public"}


def mix_of(domain: str | None, name: str, strength: float, settings: Settings) -> tuple[tuple[str, float], ...]:
    """A domain's file, or a ready one's, and its weight; none where neither is named.

    Raises:
        UserError: no such domain, or it cannot be fetched.
    """
    if name and not domain:
        domain = str(library.local(library.find(name, settings), settings))
    return ((domain, float(strength)),) if domain else ()


def progress_values(update: Update) -> dict[str, Any]:
    """The state of a job as plain JSON values."""
    return {
        "stage": update.stage,
        "step": update.step,
        "total": update.total,
        "seconds_left": update.seconds_left,
        "fraction": update.fraction,
        "losses": update.losses,
        "message": update.message,
        "settings": {} if update.result is None else update.result.settings,
    }

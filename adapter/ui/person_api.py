"""Named endpoints around portraits: find the person, and turn, edit and restyle the person."""

import json
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr
from PIL import Image

from adapter.errors import UserError
from adapter.media.alignment import framing_of
from adapter.media.crop import Crop
from adapter.media.portrait import cut_portrait, describe_portrait, find_portraits
from adapter.media.references import read_picture
from adapter.service import library
from adapter.service.jobs import invert_job, render_image, text_edit_job
from adapter.service.person_requests import STEPS, TEXT_EDIT_STEPS, InvertRequest, PersonRequest, TextEditRequest
from adapter.service.persons import accept_person
from adapter.service.prompts import check_person_words
from adapter.service.requests import LOADING, Update
from adapter.service.settings import Settings
from adapter.service.visitors import Visitors
from adapter.ui.api import REFUSED_AT_ONCE, WAITING, progress_values
from adapter.ui.handlers import EXPLORING, report_errors, running_base
from adapter.ui.upload_file import UploadFile
from adapter.ui.upload_image import UploadImage
from adapter.utils.atomic import replacing

Streamed = tuple[dict[str, Any], str | None, str | None]


class PersonEndpoints:
    """What programs can call about a person.

    Args:
        settings: name the base and the library.
        visitors: who the files belong to.
    """

    def __init__(self, settings: Settings, visitors: Visitors) -> None:
        self.settings, self.visitors, self.queue = settings, visitors, visitors.queue

    @report_errors("")
    def invert(
        self,
        portrait: str,
        steps: int = STEPS,
        tuning: int = 0,
        request: gr.Request = None,  # type: ignore[assignment]  # Gradio passes it
    ) -> Iterator[Streamed]:
        """Find the person of the base who looks like a portrait. Streams progress, ends with the files.

        Args:
            portrait: a JPEG, PNG or WebP file with a face in it; the largest face counts.
            steps: of the inversion.
            tuning: steps of pivotal tuning afterwards, 0 for none.
        """
        if not portrait:
            raise UserError("Send a portrait: wrap its path in gradio_client.handle_file.")
        image = read_picture(portrait)
        crops = find_portraits(image, framing_of(self.settings.base))
        cut = cut_portrait(image, crops[0] if crops else Crop(inside=False))
        yield progress_values(Update(LOADING, message=describe_portrait(crops, 0))), None, None
        page = request.session_hash or ""
        folder = str(self.visitors.new_job(page))
        wanted = InvertRequest(
            cut.pixels,
            cut.weight,
            folder,
            cut.yaw,
            cut.pitch,
            steps=int(steps or STEPS),
            tuning=int(tuning or 0),
            encoder=self.settings.encoder,
            **running_base(self.settings),
        )
        yield from self._streamed(invert_job, wanted, page)

    def _streamed(self, job: Callable[[Any], Iterator[Update]], wanted: Any, page: str) -> Iterator[Streamed]:
        folder = wanted.folder
        self.queue.enqueue(folder, self.visitors.of(page).key, wanted.seconds)
        try:
            for before, left in self.queue.wait(folder):
                waiting = Update(WAITING, before, seconds_left=wanted.seconds + left)
                yield progress_values(waiting), None, None
            for update in job(wanted):
                self.queue.report(folder, update.seconds_left)
                found = update.found
                files = (None, None) if found is None else (found.person, found.render)
                yield progress_values(update), *files
        finally:
            self.queue.remove(folder)

    @report_errors("")
    def edit_by_words(
        self,
        person: str,
        words: str,
        steps: int = TEXT_EDIT_STEPS,
        request: gr.Request = None,  # type: ignore[assignment]  # Gradio passes it
    ) -> Iterator[Streamed]:
        """Edit a person by words, where the CLIP reads everything. Streams progress, ends with the new person's file.

        Args:
            person: a person's file that /invert made.
            words: what the person is to look like, such as "a person with curly hair".
            steps: of the optimization.
        """
        check_person_words(words or "", self.settings.encoder)
        if not person:
            raise UserError("Send a person's file: wrap its path in gradio_client.handle_file.")
        page = request.session_hash or ""
        kept = accept_person(person, self.visitors.folder(page), self.settings)
        folder = str(self.visitors.new_job(page))
        wanted = TextEditRequest(
            str(kept),
            words,
            folder,
            int(steps or TEXT_EDIT_STEPS),
            encoder=self.settings.encoder,
            **running_base(self.settings),
        )
        yield from self._streamed(text_edit_job, wanted, page)

    @report_errors("")
    def edit(
        self,
        person: str,
        edits: str = "{}",
        domain: str | None = None,
        name: str = "",
        strength: float = 1.0,
        yaw: float = 0.0,
        pitch: float = 0.0,
        zoom: float = 1.0,
        request: gr.Request = None,  # type: ignore[assignment]  # Gradio passes it
    ) -> str:
        """Show a person as source and as target, side by side.

        Args:
            person: a person's file that /invert made.
            edits: amounts by name in standard deviations, as JSON, such as {"smile": 1.5}.
            domain: a domain file; leave it out to name a ready one, or for the source alone.
            name: of a ready domain, see /list_domains.
            strength: of the domain.
            yaw: of the camera in radians, from -1 to 1.
            pitch: of the camera in radians, from -0.5 to 0.5.
            zoom: of the camera, from 0.6 to 2.
        """
        if not person:
            raise UserError("Send a person's file: wrap its path in gradio_client.handle_file.")
        folder = self.visitors.folder(request.session_hash or "")
        kept = accept_person(person, folder, self.settings)
        if name and not domain:
            domain = str(library.local(library.find(name, self.settings), self.settings))
        wanted = PersonRequest(
            person=str(kept),
            edits=amounts(edits),
            mix=((domain, float(strength)),) if domain else (),
            yaw=float(yaw),
            pitch=float(pitch),
            zoom=float(zoom),
            **running_base(self.settings),
        )
        picture = Image.fromarray(render_image(wanted))
        path = folder / f"person-{secrets.token_hex(4)}.png"
        with replacing(path) as temporary:
            picture.save(temporary, format="PNG")
        return str(path)


def connect_person_api(settings: Settings, visitors: Visitors) -> None:
    """Declare the endpoints inside the current Blocks; none of their components is shown."""
    endpoints = PersonEndpoints(settings, visitors)
    with gr.Row(visible=False):
        go = gr.Button()
        portrait = UploadImage(label="portrait")
        steps, tuning = gr.Number(STEPS, precision=0, label="steps"), gr.Number(0, precision=0, label="tuning")
        person, edits = UploadFile(label="person"), gr.Textbox("{}", label="edits")
        domain, name = UploadFile(label="domain"), gr.Textbox("", label="name")
        strength, yaw = gr.Number(1.0, label="strength"), gr.Number(0.0, label="yaw")
        pitch, zoom = gr.Number(0.0, label="pitch"), gr.Number(1.0, label="zoom")
        progress, found = gr.JSON(label="progress"), gr.File(label="person")
        render, view = gr.Image(label="render", format="png"), gr.Image(label="view", format="png")
    training: dict[str, Any] = {
        "concurrency_limit": visitors.queue.capacity + REFUSED_AT_ONCE,
        "concurrency_id": "adapt",
        "api_visibility": "public",
    }
    go.click(endpoints.invert, [portrait, steps, tuning], [progress, found, render], api_name="invert", **training)
    words, changes = gr.Textbox("", label="words"), gr.Number(TEXT_EDIT_STEPS, precision=0, label="steps")
    changing = [person, words, changes]
    go.click(endpoints.edit_by_words, changing, [progress, found, render], api_name="edit_by_words", **training)
    shown = [person, edits, domain, name, strength, yaw, pitch, zoom]
    go.click(endpoints.edit, shown, view, api_name="edit", **EXPLORING)


def amounts(text: str) -> dict[str, float]:
    """Edits by name from JSON; raises `UserError`."""
    try:
        return {str(name): float(amount) for name, amount in json.loads(text or "{}").items()}
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise UserError('Edits must be JSON, such as {"smile": 1.5}.') from error

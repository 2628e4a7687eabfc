"""Named endpoints around portraits: find the person, and turn, edit and restyle the person."""

import json
from collections.abc import Iterator
from typing import Any

import gradio as gr

from adapter.errors import UserError
from adapter.media.alignment import framing_of
from adapter.media.crop import Crop
from adapter.media.portrait import cut_portrait, describe_portrait, find_portraits
from adapter.media.references import read_picture
from adapter.service.jobs import invert_job, render_image, text_edit_job
from adapter.service.person_requests import STEPS, TEXT_EDIT_STEPS, InvertRequest, PersonRequest, TextEditRequest
from adapter.service.persons import accept_person
from adapter.service.prompts import check_person_words
from adapter.service.requests import LOADING, Update
from adapter.service.settings import Settings
from adapter.service.visitors import Visitors
from adapter.ui.endpoints import Endpoints, SharedInputs, mix_of, progress_values, training
from adapter.ui.handlers import EXPLORING, report_errors, running_base
from adapter.ui.upload_image import UploadImage

_NO_PERSON = "Send a person's file: wrap its path in gradio_client.handle_file."
Streamed = tuple[dict[str, Any], str | None, str | None]


class WithPersons(Endpoints):
    """Endpoints that take a person's file."""

    def keep_person(self, person: str, request: gr.Request) -> str:
        """Check a person's file and keep it in the caller's folder; see `accept_person`."""
        return str(accept_person(person, self.visitors.folder(request.session_hash or ""), self.settings))


class PersonEndpoints(WithPersons):
    """What programs can call about a person."""

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
        folder = self.new_job(request)
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
        yield from self._streamed(wanted, invert_job(wanted), request)

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
            raise UserError(_NO_PERSON)
        wanted = TextEditRequest(
            self.keep_person(person, request),
            words,
            self.new_job(request),
            int(steps or TEXT_EDIT_STEPS),
            encoder=self.settings.encoder,
            **running_base(self.settings),
        )
        yield from self._streamed(wanted, text_edit_job(wanted), request)

    def _streamed(
        self, wanted: InvertRequest | TextEditRequest, updates: Iterator[Update], request: gr.Request
    ) -> Iterator[Streamed]:
        for update in self.in_turn(self.visitors.queue, request, wanted.folder, wanted.seconds, updates):
            found = update.found
            files = (None, None) if found is None else (found.person, found.render)
            yield progress_values(update), *files

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
            raise UserError(_NO_PERSON)
        wanted = PersonRequest(
            person=self.keep_person(person, request),
            edits=amounts(edits),
            mix=mix_of(domain, name, strength, self.settings),
            yaw=float(yaw),
            pitch=float(pitch),
            zoom=float(zoom),
            **running_base(self.settings),
        )
        return self.keep_view(render_image(wanted), request)


def connect_person_api(settings: Settings, visitors: Visitors, shared: SharedInputs) -> None:
    """Declare the endpoints inside the current Blocks; none of their components is shown."""
    endpoints, go = PersonEndpoints(settings, visitors), shared.go
    with gr.Row(visible=False):
        portrait = UploadImage(label="portrait")
        steps, tuning = gr.Number(STEPS, precision=0, label="steps"), gr.Number(0, precision=0, label="tuning")
        found, render = gr.File(label="person"), gr.Image(label="render", format="png")
        words, changes = gr.Textbox("", label="words"), gr.Number(TEXT_EDIT_STEPS, precision=0, label="steps")
    files = [shared.progress, found, render]
    go.click(endpoints.invert, [portrait, steps, tuning], files, api_name="invert", **training(visitors))
    said = [shared.person, words, changes]
    go.click(endpoints.edit_by_words, said, files, api_name="edit_by_words", **training(visitors))
    shown = [shared.person, shared.edits, shared.domain, shared.name, shared.strength, *shared.camera]
    go.click(endpoints.edit, shown, shared.view, api_name="edit", **EXPLORING)


def amounts(text: str) -> dict[str, float]:
    """Edits by name from JSON; raises `UserError`."""
    try:
        return {str(name): float(amount) for name, amount in json.loads(text or "{}").items()}
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise UserError('Edits must be JSON, such as {"smile": 1.5}.') from error

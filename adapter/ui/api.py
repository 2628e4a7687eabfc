"""Named endpoints for programs: the page's jobs with plain arguments, and progress that streams."""

import secrets
from collections.abc import Iterator
from typing import Any

import gradio as gr
from PIL import Image

from adapter.errors import UserError
from adapter.hub.library import Entry
from adapter.media.crop import describe_crop
from adapter.media.references import open_reference
from adapter.methods.offers import DEFAULT_METHOD, TRUNCATION_PSI
from adapter.service import library
from adapter.service.jobs import adapt_job, render_file, render_image
from adapter.service.plans import check_duration
from adapter.service.prompts import check_prompt
from adapter.service.requests import LOADING, ORBIT, SOURCE, AdaptRequest, ExploreRequest, Update
from adapter.service.settings import Settings
from adapter.service.time_left import FILM_SECONDS
from adapter.service.visitors import Visitors
from adapter.ui.handlers import EXPLORING, FILMING, report_errors, running_base
from adapter.ui.upload_file import UploadFile
from adapter.ui.upload_image import UploadImage
from adapter.utils.atomic import replacing

WAITING = "Waiting"
"""The stage of an adaptation before its turn; its step is how many others are before it."""
REFUSED_AT_ONCE = 4
Streamed = tuple[dict[str, Any], str | None, str | None, str | None]


class Endpoints:
    """What programs can call; every endpoint raises `gr.Error` with a sentence if it cannot do what it is asked.

    Args:
        settings: name the base, its CLIP and the library.
        visitors: who the files belong to.
    """

    def __init__(self, settings: Settings, visitors: Visitors) -> None:
        self.settings, self.visitors, self.queue = settings, visitors, visitors.queue

    @report_errors("")
    def adapt_from_image(
        self,
        picture: str,
        method: str = DEFAULT_METHOD,
        preset: str = "",
        steps: int = 0,
        seed: int = 0,
        strength: float = 1.0,
        truncation: float = TRUNCATION_PSI,
        request: gr.Request = None,  # type: ignore[assignment]  # Gradio passes it
    ) -> Iterator[Streamed]:
        """Learn a domain from a style image; a face in it is framed. Streams progress, ends with the files.

        Args:
            picture: a JPEG, PNG or WebP file with a face in it.
            method: 3d-adapter, difa, nada, dorm, finetune or stylize.
            preset: draft, quick or full; empty for the one that the page begins with.
            steps: of training, 0 for the preset's.
            seed: the same seed gives the same domain.
            strength: of the domain in the video and the samples, 0 to 2.
            truncation: of the people shown, 0 (average) to 1.5.
        """
        if not picture:
            raise UserError("Send a picture: wrap its path in gradio_client.handle_file.")
        reference = open_reference(picture, base=self.settings.base)
        plan = _plan(method, preset, steps, seed, strength, truncation)
        yield progress_values(Update(LOADING, message=describe_crop(reference.crop))), None, None, None
        yield from self._adapt(request, references=(reference.pixels,), **plan)

    @report_errors("")
    def adapt_from_text(
        self,
        prompt: str,
        source: str = SOURCE,
        negative: str = "",
        method: str = DEFAULT_METHOD,
        preset: str = "",
        steps: int = 0,
        seed: int = 0,
        strength: float = 1.0,
        truncation: float = TRUNCATION_PSI,
        request: gr.Request = None,  # type: ignore[assignment]  # Gradio passes it
    ) -> Iterator[Streamed]:
        """Learn a domain from words. Streams progress, ends with the files.

        Args:
            prompt: the style, such as: a bronze statue.
            source: what the base shows; the prompt is understood as a change of this.
            negative: what to stay away from, empty for nothing.
            method: 3d-adapter, difa, nada, dorm or stylize.
            preset: draft, quick or full; empty for the one that the page begins with.
            steps: of training, 0 for the preset's.
            seed: the same seed gives the same domain.
            strength: of the domain in the video and the samples, 0 to 2.
            truncation: of the people shown, 0 (average) to 1.5.
        """
        check_prompt(prompt or "", self.settings.encoder)
        words = {"references": (), "prompt": prompt or "", "source": source or SOURCE, "negative": negative or ""}
        plan = _plan(method, preset, steps, seed, strength, truncation)
        yield from self._adapt(request, **words, **plan)

    @report_errors("")
    def view_image(
        self,
        domain: str | None = None,
        name: str = "",
        seed: int = 0,
        truncation: float = TRUNCATION_PSI,
        strength: float = 1.0,
        yaw: float = 0.0,
        pitch: float = 0.0,
        zoom: float = 1.0,
        request: gr.Request = None,  # type: ignore[assignment]  # Gradio passes it
    ) -> str:
        """Show one person as source and as target, side by side.

        Args:
            domain: a domain file; leave it out to name a ready one, or for the source alone.
            name: of a ready domain, see /list_domains; it is shown with its own base.
            seed: which person.
            truncation: 0 is the average face.
            strength: of the domain.
            yaw: of the camera in radians, from -1 to 1.
            pitch: of the camera in radians, from -0.5 to 0.5.
            zoom: of the camera, from 0.6 to 2.
        """
        camera = {"yaw": yaw, "pitch": pitch, "zoom": zoom}
        picture = Image.fromarray(render_image(self._view(domain, name, seed, truncation, strength, **camera)))
        # In the visitor's folder, so that it goes with the visitor; Gradio's copy of it, too.
        path = self.visitors.folder(request.session_hash or "") / f"view-{secrets.token_hex(4)}.png"
        with replacing(path) as temporary:
            picture.save(temporary, format="PNG")
        return str(path)

    @report_errors("")
    def view_orbit(
        self,
        domain: str | None = None,
        name: str = "",
        seed: int = 0,
        truncation: float = TRUNCATION_PSI,
        strength: float = 1.0,
        request: gr.Request = None,  # type: ignore[assignment]  # Gradio passes it
    ) -> Iterator[tuple[dict[str, Any], str | None]]:
        """Render a video of one person as source and as target, from side to side. Streams progress.

        Args:
            domain: a domain file; leave it out to name a ready one, or for the source alone.
            name: of a ready domain, see /list_domains; it is shown with its own base.
            seed: which person.
            truncation: 0 is the average face.
            strength: of the domain.
        """
        folder = str(self.visitors.new_job(request.session_hash or ""))
        wanted = self._view(domain, name, seed, truncation, strength, kind=ORBIT, folder=folder)
        films = self.visitors.films
        films.enqueue(folder, self.visitors.of(request.session_hash or "").key, FILM_SECONDS)
        try:
            for before, left in films.wait(folder):
                yield progress_values(Update(WAITING, before, seconds_left=FILM_SECONDS + left)), None
            for update in render_file(wanted):
                yield progress_values(update), update.file or None
        finally:
            films.remove(folder)

    @report_errors("")
    def list_domains(self) -> list[dict[str, str]]:
        """List the ready domains: name, title, base, licence, note."""
        return [{"name": entry.name, **_describe(entry)} for entry in library.ready_domains(self.settings)]

    @report_errors("")
    def upload_domain(
        self,
        domain: str,
        request: gr.Request = None,  # type: ignore[assignment]  # Gradio passes it
    ) -> dict[str, str]:
        """Check a domain file against the running base, and say what it is.

        Args:
            domain: a .safetensors file that an adaptation made.
        """
        if not domain:
            raise UserError("Send a domain file: wrap its path in gradio_client.handle_file.")
        return _describe(library.accept(domain, self.visitors.folder(request.session_hash or ""), self.settings))

    def _adapt(self, caller: gr.Request, **arguments: Any) -> Iterator[Streamed]:
        encoder, page = self.settings.encoder, caller.session_hash or ""
        folder = str(self.visitors.new_job(page))
        request = AdaptRequest(folder=folder, encoder=encoder, **running_base(self.settings), **arguments)
        takes = check_duration(request, self.settings.longest_job)
        self.queue.enqueue(folder, self.visitors.of(page).key, takes)
        try:
            for before, left in self.queue.wait(folder):
                yield progress_values(Update(WAITING, before, seconds_left=takes + left)), None, None, None
            for update in adapt_job(request):
                self.queue.report(folder, update.seconds_left)
                result = update.result
                files = (None, None, None) if result is None else (result.orbit, result.grid, result.domain)
                yield progress_values(update), *files
        finally:
            self.queue.remove(folder)

    def _view(
        self, domain: str | None, name: str, seed: int, truncation: float, strength: float, **arguments: Any
    ) -> ExploreRequest:
        settings = self.settings
        if name and not domain:
            entry = library.find(name, settings)
            settings = library.with_base(settings, library.base_of(entry, settings))
            domain = str(library.local(entry, settings))
        mix = ((domain, float(strength)),) if domain else ()
        return ExploreRequest(mix=mix, seed=int(seed), truncation=truncation, **arguments, **running_base(settings))


def connect_api(settings: Settings, visitors: Visitors) -> None:
    """Declare the endpoints inside the current Blocks; none of their components is shown."""
    endpoints = Endpoints(settings, visitors)
    with gr.Row(visible=False):
        go = gr.Button()
        picture = UploadImage(label="picture")
        prompt, negative = gr.Textbox(label="prompt"), gr.Textbox("", label="negative")
        source = gr.Textbox(SOURCE, label="source")
        method, preset = gr.Textbox(DEFAULT_METHOD, label="method"), gr.Textbox("", label="preset")
        steps, seed = gr.Number(0, precision=0, label="steps"), gr.Number(0, precision=0, label="seed")
        strength, truncation = gr.Number(1.0, label="strength"), gr.Number(TRUNCATION_PSI, label="truncation")
        domain, name = UploadFile(label="domain"), gr.Textbox("", label="name")
        yaw, pitch, zoom = gr.Number(0.0, label="yaw"), gr.Number(0.0, label="pitch"), gr.Number(1.0, label="zoom")
        progress, listed, about = gr.JSON(label="progress"), gr.JSON(label="domains"), gr.JSON(label="domain")
        orbit, samples = gr.Video(label="orbit"), gr.Image(label="samples", format="png")
        learned, view = gr.File(label="domain"), gr.Image(label="view", format="png")
    plan = [method, preset, steps, seed, strength, truncation]
    # Jobs take turns in queues of our own, where those that are refused need not wait for a turn.
    waiting = visitors.queue.capacity + REFUSED_AT_ONCE
    training: dict[str, Any] = {"concurrency_limit": waiting, "concurrency_id": "adapt", "api_visibility": "public"}
    films: dict[str, Any] = {**FILMING, "api_visibility": "public"}
    files = [progress, orbit, samples, learned]
    shown = [domain, name, seed, truncation, strength]
    go.click(endpoints.adapt_from_image, [picture, *plan], files, api_name="adapt_from_image", **training)
    go.click(
        endpoints.adapt_from_text, [prompt, source, negative, *plan], files, api_name="adapt_from_text", **training
    )
    go.click(endpoints.view_image, [*shown, yaw, pitch, zoom], view, api_name="render_image", **EXPLORING)
    go.click(endpoints.view_orbit, shown, [progress, orbit], api_name="render_orbit", **films)
    go.click(endpoints.list_domains, None, listed, api_name="list_domains", api_visibility="public")
    go.click(endpoints.upload_domain, domain, about, api_name="upload_domain", **EXPLORING)


def _plan(
    method: str, preset: str, steps: int | None, seed: int | None, strength: float | None, truncation: float | None
) -> dict[str, Any]:
    """Arguments of `AdaptRequest`; what a program sends as null is the default."""
    return {
        "method": method or DEFAULT_METHOD,
        "preset": preset or "",
        "steps": int(steps or 0) or None,
        "seed": int(seed or 0),
        "strength": 1.0 if strength is None else float(strength),
        "truncation": TRUNCATION_PSI if truncation is None else float(truncation),
    }


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


def _describe(entry: Entry) -> dict[str, str]:
    return {"title": entry.title, "base": entry.base, "licence": entry.licence, "note": entry.note}

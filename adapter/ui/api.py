"""Named endpoints for programs: the page's jobs with plain arguments, and progress that streams."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

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
from adapter.ui.endpoints import FILMS, Endpoints, SharedInputs, mix_of, progress_values, training
from adapter.ui.handlers import EXPLORING, report_errors, running_base
from adapter.ui.upload_image import UploadImage

Streamed = tuple[dict[str, Any], str | None, str | None, str | None]


class AdaptEndpoints(Endpoints):
    """What programs can call about domains."""

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
        wanted = self._view(domain, name, seed, truncation, strength, yaw=yaw, pitch=pitch, zoom=zoom)
        return self.keep_view(render_image(wanted), request)

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
        folder = self.new_job(request)
        wanted = self._view(domain, name, seed, truncation, strength, kind=ORBIT, folder=folder)
        for update in self.in_turn(self.visitors.films, request, folder, FILM_SECONDS, render_file(wanted)):
            yield progress_values(update), update.file or None

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
        folder = self.new_job(caller)
        common = {"folder": folder, "encoder": self.settings.encoder, **running_base(self.settings)}
        request = AdaptRequest(**common, **arguments)
        takes = check_duration(request, self.settings.longest_job)
        for update in self.in_turn(self.visitors.queue, caller, folder, takes, adapt_job(request)):
            result = update.result
            files = (None, None, None) if result is None else (result.orbit, result.grid, result.domain)
            yield progress_values(update), *files

    def _view(
        self, domain: str | None, name: str, seed: int, truncation: float, strength: float, **arguments: Any
    ) -> ExploreRequest:
        settings = self.settings
        if name and not domain:
            settings = library.with_base(settings, library.base_of(library.find(name, settings), settings))
        mix = mix_of(domain, name, strength, settings)
        return ExploreRequest(mix=mix, seed=int(seed), truncation=truncation, **arguments, **running_base(settings))


def connect_api(settings: Settings, visitors: Visitors, shared: SharedInputs) -> None:
    """Declare the endpoints inside the current Blocks; none of their components is shown."""
    endpoints, go = AdaptEndpoints(settings, visitors), shared.go
    with gr.Row(visible=False):
        picture = UploadImage(label="picture")
        prompt, negative = gr.Textbox(label="prompt"), gr.Textbox("", label="negative")
        source, steps = gr.Textbox(SOURCE, label="source"), gr.Number(0, precision=0, label="steps")
        method, preset = gr.Textbox(DEFAULT_METHOD, label="method"), gr.Textbox("", label="preset")
        listed, about = gr.JSON(label="domains"), gr.JSON(label="domain")
        orbit, samples = gr.Video(label="orbit"), gr.Image(label="samples", format="png")
        learned = gr.File(label="domain")
    plan = [method, preset, steps, shared.seed, shared.strength, shared.truncation]
    files, trained = [shared.progress, orbit, samples, learned], training(visitors)
    words = [prompt, source, negative]
    go.click(endpoints.adapt_from_image, [picture, *plan], files, api_name="adapt_from_image", **trained)
    go.click(endpoints.adapt_from_text, [*words, *plan], files, api_name="adapt_from_text", **trained)
    go.click(endpoints.view_image, [*shared.who, *shared.camera], shared.view, api_name="render_image", **EXPLORING)
    go.click(endpoints.view_orbit, shared.who, [shared.progress, orbit], api_name="render_orbit", **FILMS)
    go.click(endpoints.list_domains, None, listed, api_name="list_domains", api_visibility="public")
    go.click(endpoints.upload_domain, shared.domain, about, api_name="upload_domain", **EXPLORING)


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


def _describe(entry: Entry) -> dict[str, str]:
    return {"title": entry.title, "base": entry.base, "licence": entry.licence, "note": entry.note}

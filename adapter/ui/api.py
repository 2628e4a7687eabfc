"""Named endpoints for programs: the page's jobs with plain arguments, and progress that streams."""

from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from adapter.errors import UserError
from adapter.methods.offers import DEFAULT_METHOD, default_preset, seconds
from adapter.service import library
from adapter.service.explore import render_file, render_image
from adapter.service.inputs import framed, understood
from adapter.service.job_queue import JobQueue
from adapter.service.jobs import adapt_job
from adapter.service.requests import ORBIT, SOURCE, TRUNCATION, AdaptRequest, ExploreRequest, Update
from adapter.service.sessions import Sessions
from adapter.ui.tabs.inputs import uploaded_file
from adapter.ui.tabs.results import EXPLORING

Streamed = tuple[dict[str, Any], str | None, str | None, str | None]


def connect_api(sessions: Sessions, line: JobQueue) -> None:
    """Declare the endpoints inside the current Blocks; none of their components is shown."""

    def adapt(session: str, values: dict[str, Any]) -> Iterator[Streamed]:
        takes = seconds(values["method"], values["preset"], values["steps"])
        folder = str(sessions.new_job(session))
        request = AdaptRequest(folder=folder, **values)
        line.join(folder, session, takes)
        try:
            line.begin(folder)
            for update in adapt_job(request):
                result = update.result
                files = (None, None, None) if result is None else (result.orbit, result.grid, result.domain)
                yield _progress(update), *files
        finally:
            line.leave(folder)

    def adapt_from_image(
        picture: str,
        method: str = DEFAULT_METHOD,
        preset: str = "",
        steps: int = 0,
        seed: int = 0,
        strength: float = 1.0,
        truncation: float = TRUNCATION,
        request: gr.Request = None,
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
            raise gr.Error("Send a picture: wrap its path in gradio_client.handle_file.", print_exception=False)
        yield from _told(
            lambda: adapt(
                request.session_hash or "",
                {"references": (framed(picture),), **_plan(method, preset, steps, seed, strength, truncation)},
            )
        )

    def adapt_from_text(
        prompt: str,
        source: str = SOURCE,
        negative: str = "",
        method: str = DEFAULT_METHOD,
        preset: str = "",
        steps: int = 0,
        seed: int = 0,
        strength: float = 1.0,
        truncation: float = TRUNCATION,
        request: gr.Request = None,
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

        def start() -> Iterator[Streamed]:
            understood(prompt or "")
            words = {"references": (), "prompt": prompt or "", "source": source or SOURCE, "negative": negative or ""}
            arguments = _plan(method, preset, steps, seed, strength, truncation)
            yield from adapt(request.session_hash or "", {**words, **arguments})

        yield from _told(start)

    def view_image(
        domain: str | None = None,
        name: str = "",
        seed: int = 0,
        truncation: float = TRUNCATION,
        strength: float = 1.0,
        yaw: float = 0.0,
        pitch: float = 0.0,
        zoom: float = 1.0,
    ) -> Any:
        """Show one person as source and as target, side by side.

        Args:
            domain: a domain file; leave it out to name a ready one, or for the source alone.
            name: of a ready domain, see /list_domains.
            seed: which person.
            truncation: 0 is the average face.
            strength: of the domain.
            yaw: of the camera in radians, from -1 to 1.
            pitch: of the camera in radians, from -0.5 to 0.5.
            zoom: of the camera, from 0.6 to 2.
        """
        return _said(
            lambda: render_image(
                ExploreRequest(
                    mix=_mix(domain, name, strength),
                    seed=int(seed),
                    truncation=truncation,
                    yaw=yaw,
                    pitch=pitch,
                    zoom=zoom,
                )
            )
        )

    def view_orbit(
        domain: str | None = None,
        name: str = "",
        seed: int = 0,
        truncation: float = TRUNCATION,
        strength: float = 1.0,
        request: gr.Request = None,
    ) -> Iterator[tuple[dict[str, Any], str | None]]:
        """Render a video of one person as source and as target, from side to side. Streams progress.

        Args:
            domain: a domain file; leave it out to name a ready one, or for the source alone.
            name: of a ready domain, see /list_domains.
            seed: which person.
            truncation: 0 is the average face.
            strength: of the domain.
        """

        def start() -> Iterator[tuple[dict[str, Any], str | None]]:
            wanted = ExploreRequest(
                ORBIT,
                _mix(domain, name, strength),
                int(seed),
                truncation,
                folder=str(sessions.new_job(request.session_hash or "")),
            )
            for update in render_file(wanted):
                yield _progress(update), update.file or None

        yield from _told(start)

    def list_domains() -> list[dict[str, str]]:
        """List the ready domains: name, title, base, licence, note."""
        keys = ("name", "title", "base", "licence", "note")
        return [{key: getattr(entry, key) for key in keys} for entry in library.ready_domains()]

    def upload_domain(domain: str, request: gr.Request = None) -> dict[str, str]:
        """Check a domain file against the running base, and say what it is.

        Args:
            domain: a .safetensors file that an adaptation made.
        """
        if not domain:
            raise gr.Error("Send a domain file: wrap its path in gradio_client.handle_file.", print_exception=False)
        entry = _said(lambda: library.accept(domain, sessions.folder(request.session_hash or "")))
        return {"title": entry.title, "base": entry.base, "licence": entry.licence, "note": entry.note}

    with gr.Row(visible=False):
        go = gr.Button()
        picture = gr.Image(label="picture")
        picture.preprocess = uploaded_file
        prompt, negative = gr.Textbox(label="prompt"), gr.Textbox("", label="negative")
        source = gr.Textbox(SOURCE, label="source")
        method, preset = gr.Textbox(DEFAULT_METHOD, label="method"), gr.Textbox("", label="preset")
        steps, seed = gr.Number(0, precision=0, label="steps"), gr.Number(0, precision=0, label="seed")
        strength, truncation = gr.Number(1.0, label="strength"), gr.Number(TRUNCATION, label="truncation")
        domain, name = gr.File(label="domain"), gr.Textbox("", label="name")
        yaw, pitch, zoom = gr.Number(0.0, label="yaw"), gr.Number(0.0, label="pitch"), gr.Number(1.0, label="zoom")
        progress, listed, about = gr.JSON(label="progress"), gr.JSON(label="domains"), gr.JSON(label="domain")
        orbit, samples = gr.Video(label="orbit"), gr.Image(label="samples", format="png")
        learned, view = gr.File(label="domain"), gr.Image(label="view", format="png")
    plan = [method, preset, steps, seed, strength, truncation]
    training = {"concurrency_limit": 1, "concurrency_id": "adapt", "api_visibility": "public"}
    films = {"concurrency_limit": 1, "concurrency_id": "films", "api_visibility": "public"}
    files = [progress, orbit, samples, learned]
    shown = [domain, name, seed, truncation, strength]
    go.click(adapt_from_image, [picture, *plan], files, api_name="adapt_from_image", **training)
    go.click(adapt_from_text, [prompt, source, negative, *plan], files, api_name="adapt_from_text", **training)
    go.click(view_image, [*shown, yaw, pitch, zoom], view, api_name="render_image", **EXPLORING)
    go.click(view_orbit, shown, [progress, orbit], api_name="render_orbit", **films)
    go.click(list_domains, None, listed, api_name="list_domains", api_visibility="public")
    go.click(upload_domain, domain, about, api_name="upload_domain", **EXPLORING)


def _plan(method: str, preset: str, steps: int, seed: int, strength: float, truncation: float) -> dict[str, Any]:
    return {
        "method": method,
        "preset": preset or default_preset(method),
        "steps": int(steps) or None,
        "seed": int(seed),
        "strength": float(strength),
        "truncation": float(truncation),
    }


def _mix(domain: str | None, name: str, strength: float) -> tuple[tuple[str, float], ...]:
    if not domain and not name:
        return ()
    path = domain or str(library.local(library.find(name)))
    return ((path, float(strength)),)


def _progress(update: Update) -> dict[str, Any]:
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


def _said(work: Callable[[], Any]) -> Any:
    """What ``work`` gives, its sentence as gr.Error where it cannot."""
    try:
        return work()
    except UserError as error:
        raise gr.Error(str(error), print_exception=False) from error


def _told(start: Callable[[], Iterator[Any]]) -> Iterator[Any]:
    """What ``start`` yields, its sentence as gr.Error where it cannot go on."""
    try:
        yield from start()
    except UserError as error:
        raise gr.Error(str(error), print_exception=False) from error

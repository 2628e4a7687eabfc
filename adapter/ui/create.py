"""The Create tab: style image in, people of two worlds out."""

import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from gradio.data_classes import ImageData
from PIL import Image

from adapter.errors import UserError
from adapter.media.faces import find_head
from adapter.media.images import crop_square, load_image, resize
from adapter.service.jobs import adapt_job, request_stop
from adapter.service.requests import DEFAULT_PRESET, PRESETS, AdaptRequest, AdaptResult, Update
from adapter.service.sessions import Sessions
from adapter.ui import fragments
from adapter.ui.references import references

REFERENCE_SIDE = 512
SHOWN_SIDE = 1024
_SECONDS_BETWEEN_UPDATES = 0.3
_CLICK_EXAMPLE = """
element.addEventListener('click', event => {
  const button = event.target.closest('button[data-index]');
  if (button) trigger('select', {index: Number(button.dataset.index)});
});
"""
_MOVE_EDGE = """
element.addEventListener('input', event => {
  event.target.closest('.compare').style.setProperty('--edge', event.target.value + '%');
});
"""
_SHOW_RESULT = """
() => { if (window.innerWidth < 900) document.querySelector('.result').scrollIntoView({behavior: 'smooth'}); }
"""

Outputs = dict[Any, Any]


def create_tab(sessions: Sessions) -> None:
    """Lay the tab out inside the current Blocks and connect it."""
    choices = references()
    job = gr.State(None)

    with gr.Row(elem_classes="columns"):
        with gr.Column(scale=5, min_width=320, elem_classes="card"):
            gr.HTML(fragments.title(1, "Style image"))
            picture = gr.Image(
                sources=["upload", "clipboard"],
                show_label=False,
                height=250,
                elem_id="picture",
                placeholder="Drop a picture here, or click to upload.\nJPEG, PNG or WebP, up to 10 MB.",
                buttons=[],
                alt_text="Your style image",
            )
            picture.preprocess = _uploaded_file
            gr.HTML('<p class="hint">A face from the front works best. Or start from one of these:</p>')
            examples = gr.HTML(
                fragments.gallery(choices), js_on_load=_CLICK_EXAMPLE, apply_default_css=False, elem_id="examples"
            )
            crop = gr.HTML(elem_id="crop", apply_default_css=False)
            with gr.Accordion("Move the square", open=False, visible=False, elem_id="square") as square:
                side = gr.Slider(15, 100, 100, step=1, label="Size", info="percent of the shorter side", buttons=[])
                across = gr.Slider(0, 100, 50, step=1, label="Left to right", buttons=[])
                down = gr.Slider(0, 100, 50, step=1, label="Top to bottom", buttons=[])

            gr.HTML(fragments.title(2, "Adapt"))
            preset = gr.Radio(
                [(f"{choice.title} · {choice.seconds} s", name) for name, choice in PRESETS.items()],
                value=DEFAULT_PRESET,
                label="How thoroughly",
                elem_id="preset",
                elem_classes="segments",
            )
            with gr.Accordion("Advanced", open=False, elem_id="advanced"):
                strength = gr.Slider(
                    0,
                    1.5,
                    1.0,
                    step=0.05,
                    label="Strength",
                    info="0 is the source world, 1 the learned one",
                    buttons=[],
                )
                seed = gr.Number(0, label="Seed", info="the same seed gives the same domain", precision=0)
            with gr.Row(elem_classes="actions"):
                start = gr.Button("Adapt", variant="primary", size="lg", elem_id="adapt", scale=3)
                stop = gr.Button("Stop", size="lg", interactive=False, elem_id="stop", scale=1)

        with gr.Column(scale=8, min_width=320, elem_classes="card result"):
            status = gr.HTML(elem_id="status", apply_default_css=False)
            note = gr.HTML(elem_id="note", apply_default_css=False)
            empty = gr.HTML(fragments.EMPTY, apply_default_css=False, elem_id="empty")
            live = gr.HTML(visible=False, apply_default_css=False, elem_id="live")
            with gr.Column(visible=False, elem_id="results") as results:
                gr.HTML(fragments.title(3, "The same people in two worlds"))
                with gr.Row(elem_classes="showcase"):
                    orbit = gr.Video(
                        show_label=False,
                        autoplay=True,
                        loop=True,
                        interactive=False,
                        buttons=[],
                        elem_id="orbit",
                        min_width=280,
                        scale=6,
                    )
                    with gr.Column(scale=5, min_width=280):
                        slider = gr.HTML(js_on_load=_MOVE_EDGE, apply_default_css=False, elem_id="slider")
                        settings = gr.HTML(apply_default_css=False, elem_id="settings")
                        gr.HTML('<h3 class="small-title">Download</h3>')
                        with gr.Row(elem_classes="downloads"):
                            video_file = gr.DownloadButton("Video (.mp4)", size="md", elem_id="download-video")
                            sheet_file = gr.DownloadButton("Samples (.png)", size="md", elem_id="download-sheet")
                            domain_file = gr.DownloadButton(
                                "Domain (.safetensors)", size="md", elem_id="download-domain"
                            )
                            all_files = gr.DownloadButton("Everything (.zip)", size="md", elem_id="download-all")
                grid = gr.Image(
                    show_label=False,
                    interactive=False,
                    buttons=["fullscreen"],
                    format="png",
                    elem_id="grid",
                    alt_text="Six people from two sides: source rows, and target rows below them",
                )

    cropping = [side, across, down]

    def receive(path: str | None, request: gr.Request) -> Outputs:
        """Look at a new picture: keep an upright copy, find the head."""
        if path is None:
            return {crop: "", square: gr.Accordion(visible=False)}
        try:
            image = load_image(path)
        except UserError as error:
            return {picture: None, crop: fragments.notice(str(error), "problem"), square: gr.Accordion(visible=False)}
        found = find_head(image)
        shown = sessions.folder(request.session_hash or "") / "picture.png"
        copy = Image.fromarray(image)
        copy.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
        copy.save(shown)
        cut = resize(crop_square(image, (found.x, found.y), found.side), 176)
        return {
            picture: str(shown),
            crop: fragments.crop(cut, fragments.FACE_FOUND if found.found else fragments.NO_FACE),
            note: "",
            square: gr.Accordion(visible=True, open=not found.found),
            side: round(100 * found.side),
            across: round(100 * found.x),
            down: round(100 * found.y),
        }

    def pick(event: gr.EventData, request: gr.Request) -> Outputs:
        """Take one of the examples."""
        return receive(str(choices[int(event.index)].path), request)

    def move(path: str | None, *place: float) -> str:
        """Show the square after it was moved by hand."""
        if path is None:
            return ""
        return fragments.crop(resize(_cut(path, *place), 176), fragments.MOVED)

    def begin(path: str | None, request: gr.Request) -> Outputs:
        """Answer the click at once, and give the job a folder by which it can be stopped while it waits."""
        if path is None:
            return {note: fragments.notice(_NO_PICTURE, "problem"), job: None}
        return {
            job: str(sessions.new_job(request.session_hash or "")),
            status: fragments.waiting(),
            note: "",
            start: gr.Button("Adapting…", interactive=False),
            stop: gr.Button("Stop", interactive=True),
        }

    def adapt(
        folder: str | None, path: str, side: float, across: float, down: float, preset: str, strength: float, seed: int
    ) -> Iterator[Outputs]:
        """Run the job and show how it goes."""
        if folder is None:
            yield {job: None}
            return
        try:
            request = AdaptRequest(
                resize(_cut(path, side, across, down), REFERENCE_SIDE),
                folder,
                preset=preset,
                strength=strength,
                seed=_whole(seed),
            )
            for update in _thinned(adapt_job(request)):
                if update.result is None:
                    yield show(update)
                else:
                    yield finish(update, update.result)
        except UserError as error:
            yield give_up(str(error))

    def show(update: Update) -> Outputs:
        shown: Outputs = {status: fragments.progress(update), note: fragments.notice(update.message)}
        if update.preview is not None:
            shown |= {
                live: gr.HTML(fragments.live(update.preview), visible=True),
                empty: gr.HTML(visible=False),
                results: gr.Column(visible=False),
            }
        return shown

    def finish(update: Update, result: AdaptResult) -> Outputs:
        return {
            **rest(),
            note: fragments.notice(update.message),
            live: gr.HTML("", visible=False),
            empty: gr.HTML(visible=False),
            results: gr.Column(visible=True),
            orbit: gr.Video(result.orbit, visible=result.orbit is not None),
            slider: fragments.compare(result.before, result.after),
            grid: result.grid,
            settings: fragments.summary(result),
            video_file: gr.DownloadButton(value=result.orbit, visible=result.orbit is not None),
            sheet_file: result.grid,
            domain_file: result.domain,
            all_files: str(_bundle(result)),
        }

    def rest() -> Outputs:
        """Ready for the next job."""
        return {
            status: "",
            start: gr.Button("Adapt", interactive=True),
            stop: gr.Button("Stop", interactive=False),
            job: None,
        }

    def give_up(said: str = _UNEXPECTED) -> Outputs:
        """Ready for the next job, with a sentence on why this one ended."""
        return {**rest(), note: fragments.notice(said, "problem")}

    def halt(folder: str | None) -> Outputs:
        """Ask the running job to stop; it then shows what it has."""
        if folder is not None:
            request_stop(folder)
        return {stop: gr.Button("Stopping…", interactive=False)}

    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    received = [picture, crop, square, *cropping, note]
    picture.upload(receive, picture, received, **quiet)
    picture.clear(receive, picture, received, **quiet)
    examples.select(pick, None, received, **quiet)
    for slide in cropping:
        slide.input(move, [picture, *cropping], crop, trigger_mode="always_last", **quiet)
    running = [status, note, start, stop, job]
    started = start.click(begin, picture, running, queue=False, **quiet)
    adapted = started.then(
        adapt,
        [job, picture, *cropping, preset, strength, seed],
        [*running, live, empty, results, orbit, slider, grid, settings, video_file, sheet_file, domain_file, all_files],
        concurrency_limit=1,
        concurrency_id="adapt",
        **quiet,
    )
    adapted.failure(give_up, None, running, queue=False, **quiet)
    start.click(None, js=_SHOW_RESULT, api_visibility="private")
    stop.click(halt, job, stop, queue=False, **quiet)


_NO_PICTURE = "Choose a style image first: upload one, paste one, or pick an example."
_UNEXPECTED = "This did not work: too many people may be waiting, or something broke here. Try again in a minute."


def _uploaded_file(payload: ImageData | None) -> str | None:
    """Path of an upload, undecoded: gr.Image would open it without our limits and with messages of its own."""
    return payload.path if payload is not None else None


def _cut(path: str, side: float, across: float, down: float) -> np.ndarray:
    """The chosen square of a picture; the sliders count in percent."""
    return crop_square(load_image(path), (across / 100, down / 100), side / 100)


def _whole(seed: float | None) -> int:
    if seed is None:
        raise UserError("Enter a whole number as the seed.")
    return int(seed)


def _thinned(updates: Iterator[Update]) -> Iterator[Update]:
    """Leave out updates that come too fast to be seen, but none that shows or says something new."""
    last, stage = 0.0, None
    for update in updates:
        now = time.monotonic()
        news = update.preview is not None or update.result is not None or update.stage != stage
        if news or now - last > _SECONDS_BETWEEN_UPDATES:
            yield update
            last, stage = now, update.stage


def _bundle(result: AdaptResult) -> Path:
    """All files of a result in one archive beside them."""
    files = [result.orbit, *result.people, result.grid, result.before, result.after, result.domain]
    archive = Path(result.domain).with_name("everything.zip")
    with zipfile.ZipFile(archive, "w") as bundle:
        for file in filter(None, files):
            bundle.write(file, Path(file).name)
    return archive

"""Small pieces of HTML: pure functions of what they show."""

import base64
import html
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from adapter.service.requests import DONE, LOADING, RENDERING, WRITING, AdaptResult, Update
from adapter.ui.references import Reference

HEADER = """
<header class="masthead">
  <p class="eyebrow">3D Domain Adapter</p>
  <h1>One picture in. A world of faces out.</h1>
  <p class="lede">Give it one style image. In about a minute a 3D generator of faces learns that style, and the same
  people turn their heads in both worlds, side by side.</p>
</header>
"""

EMPTY = """
<div class="empty">
  <div class="empty-tiles" aria-hidden="true"><i></i><i></i><i></i><i></i><i></i><i></i></div>
  <h2>Your world appears here</h2>
  <ol>
    <li><b>Choose a style image</b> with a face in it: a painting, a sculpture, a drawing, a photograph.</li>
    <li><b>Press Adapt</b> and watch the same people change, left to right.</li>
    <li><b>Take it with you</b>: an orbit video, a sheet of samples, and the learned domain as a small file.</li>
  </ol>
</div>
"""

FOOTER = """
<footer class="colophon">
  <p>Faces are synthetic: nobody shown here exists. Your picture stays in your session and is removed with it.
  The method is our reconstruction of 3D-Adapter on EG3D; the embedded generator is small, so the pictures are too.</p>
</footer>
"""

_STAGES = {
    "": "Starting",
    LOADING: "Loading the generator",
    "Preparing": "Looking at faces of the source world",
    "Tri-D": "Learning colours and shapes in 3D (tri-plane decoder, Tri-D)",
    "G2": "Learning strokes and texture (super-resolution, G2)",
    "Finished": "Finishing",
    RENDERING: "Rendering the orbit video",
    WRITING: "Writing the files",
    DONE: "Done",
}


def title(number: int, text: str) -> str:
    """A numbered heading of a card."""
    return f'<h2 class="card-title"><span aria-hidden="true">{number}</span>{html.escape(text)}</h2>'


def gallery(choices: Sequence[Reference]) -> str:
    """Thumbnails as buttons; each carries its place in ``choices`` as data-index."""
    buttons = []
    for index, choice in enumerate(choices):
        with Image.open(choice.path) as image:
            thumbnail = image.convert("RGB").resize((144, 144), Image.Resampling.LANCZOS)
        buttons.append(
            f'<button type="button" data-index="{index}" title="{html.escape(choice.origin)}">'
            f'<img src="{_jpeg(np.asarray(thumbnail))}" alt="{html.escape(choice.alt)}">'
            f"<span>{html.escape(choice.title)}</span></button>"
        )
    return f'<div class="examples" role="group" aria-label="Examples">{"".join(buttons)}</div>'


FACE_FOUND = "A face was found, and this square around it is what counts."
NO_FACE = "No face was found, so the middle of the picture is used. Move the square onto the head below."
MOVED = "This square is what counts."


def crop(picture: np.ndarray, said: str) -> str:
    """What the adaptation sees of the style image, with a sentence beside it."""
    return (
        f'<div class="crop"><img src="{_jpeg(picture)}" alt="The square of the style image that is used" '
        f'width="88" height="88"><p>{html.escape(said)}</p></div>'
    )


def progress(update: Update) -> str:
    """Stage, step, time left and a bar."""
    parts = []
    if update.total:
        parts.append(f"step {update.step} of {update.total}")
    if update.seconds_left is not None and update.stage != DONE:
        parts.append(f"about {_seconds(update.seconds_left)} left")
    percent = round(100 * update.fraction)
    stage = _STAGES.get(update.stage, update.stage)
    return (
        f'<div class="progress"><div class="line"><strong>{html.escape(stage)}</strong>'
        f"<span>{' · '.join(parts)}</span></div>"
        f'<div class="bar" role="progressbar" aria-label="{html.escape(stage)}" aria-valuemin="0" '
        f'aria-valuemax="100" aria-valuenow="{percent}"><i style="width:{max(percent, 1)}%"></i></div></div>'
    )


def waiting() -> str:
    """What stands where progress will, until a job gets its turn."""
    return (
        '<div class="progress"><div class="line"><strong>Waiting for a free place</strong></div>'
        '<div class="bar idle" role="progressbar" aria-label="Waiting"><i></i></div></div>'
    )


def live(picture: np.ndarray) -> str:
    """The latest preview."""
    return (
        f'<figure class="live"><img src="{_jpeg(picture)}" alt="The same people, source left and target right, '
        f'as far as the adaptation is"></figure>'
    )


def compare(before: str, after: str) -> str:
    """One picture over another, with a slider that moves the edge between them; both are paths of pictures."""
    first, second = (_jpeg(np.asarray(Image.open(path).convert("RGB"))) for path in (before, after))
    return (
        '<div class="compare">'
        f'<img src="{first}" alt="One person of the source world">'
        f'<img src="{second}" alt="The same person in the learned world" class="over">'
        '<i class="handle" aria-hidden="true"></i>'
        '<input type="range" min="0" max="100" value="50" aria-label="Edge between source and target"></div>'
    )


def notice(text: str, kind: str = "note") -> str:
    """A sentence in a frame: ``kind`` is "note" or "problem"."""
    if not text:
        return ""
    role = "alert" if kind == "problem" else "status"
    return f'<p class="notice {kind}" role="{role}">{html.escape(text)}</p>'


def summary(result: AdaptResult) -> str:
    """The settings that made a result."""
    names = {"preset": "Method", "steps": "Steps", "seed": "Seed", "strength": "Strength", "base": "Base"}
    rows = (
        f"<div><dt>{label}</dt><dd>{html.escape(str(result.settings[key]))}</dd></div>" for key, label in names.items()
    )
    return f'<dl class="summary">{"".join(rows)}</dl>'


def _seconds(seconds: float) -> str:
    whole = max(1, round(seconds))
    return f"{whole} s" if whole < 100 else f"{round(whole / 60)} min"


def _jpeg(picture: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()

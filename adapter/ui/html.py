"""Small pieces of HTML: pure functions of what they show."""

import base64
import functools
import html
import io
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageOps

from adapter.hub.library import Entry
from adapter.media.examples import Example
from adapter.service.limits import duration
from adapter.service.requests import (
    DONE,
    GRID,
    INVERTING,
    LOADING,
    ORBIT,
    RENDERING,
    TUNING,
    WALK,
    WRITING,
    Snapshot,
    Update,
)

if TYPE_CHECKING:
    from adapter.hub.share import SharedDomain

HEADER = """
<header class="masthead">
  <p class="eyebrow">3D Domain Adapter</p>
  <h1>One picture in. A world of faces out.</h1>
  <p class="lede">Give it one style image, or a few words. In about a minute a 3D generator of faces learns that style,
  and the same people turn their heads in both worlds, side by side.</p>
</header>
"""

EMPTY = """
<div class="empty">
  <div class="empty-tiles" aria-hidden="true"><i></i><i></i><i></i><i></i><i></i><i></i></div>
  <h2>Your world appears here</h2>
  <ol>
    <li><b>Choose a style</b>: a picture with a face in it, a few words, or a world that is ready.</li>
    <li><b>Press Adapt</b> and watch the same people change, left to right.</li>
    <li><b>Take it with you</b>: an orbit video, a sheet of samples, and the learned domain as a small file.</li>
  </ol>
</div>
"""

_FOOTER = """
<footer class="colophon">
  <p>Faces are synthetic: nobody shown here exists. Your pictures and what is made of them are kept for an hour at most,
  and are removed from this server about {duration} after you leave.
  The method is our reconstruction of 3D-Adapter on EG3D; the embedded generator is small, so the pictures are too.</p>
</footer>
"""

BESIDE_EMPTY = """
<div class="beside" aria-hidden="true"><figure><i></i></figure><figure><i></i></figure></div>
"""

NOTHING_OWN = '<p class="hint">Nothing yet. What you make in Create or upload here appears in this place.</p>'
NOTHING_FOUND = '<p class="hint">No domain fits. Try another word, or show everything.</p>'
NOTHING_SHARED = '<p class="hint">Nobody has shared a domain yet. Yours could be the first.</p>'
SHEET_ALT = "Six people from two sides: source rows, and target rows below them"
MOVED = "This square is what counts."
LISTING = '<p class="hint" role="status">Asking the Hub…</p>'

MAKING = {ORBIT: "Rendering the orbit", GRID: "Drawing people", WALK: "Walking between people"}

_STAGES = {
    "": "Starting",
    LOADING: "Loading the generator",
    "Preparing": "Looking at faces of the source world",
    "Tri-D": "Learning colours and shapes in 3D (tri-plane decoder, Tri-D)",
    "G2": "Learning strokes and texture (super-resolution, G2)",
    "Finished": "Finishing",
    RENDERING: "Rendering the orbit video",
    WRITING: "Writing the files",
    INVERTING: "Looking for the person",
    TUNING: "Adding what the generator lacks",
    DONE: "Done",
}


def footer(grace: float) -> str:
    """The foot of the page; ``grace``: seconds for which everything is kept after a visitor has left."""
    return _FOOTER.format(duration=duration(grace))


def title(number: int, text: str) -> str:
    """A numbered heading of a card."""
    return heading(text, f'<span aria-hidden="true">{number}</span>')


def heading(text: str, mark: str = "") -> str:
    """A heading of a group of controls, with a mark before it."""
    return f'<h2 class="card-title">{mark}{html.escape(text)}</h2>'


def gallery(choices: Sequence[Example]) -> str:
    """Thumbnails as buttons; each carries its place in ``choices`` as data-index."""
    buttons = []
    for index, choice in enumerate(choices):
        with Image.open(choice.path) as image:
            thumbnail = jpeg(image.convert("RGB").resize((144, 144), Image.Resampling.LANCZOS))
        buttons.append(
            f'<button type="button" data-index="{index}" aria-pressed="false" title="{html.escape(choice.origin)}">'
            f'<img src="{thumbnail}" alt="{html.escape(choice.alt)}">'
            f"<span>{html.escape(choice.title)}</span></button>"
        )
    return _group("examples", "Examples", buttons)


def crop(picture: np.ndarray, said: str) -> str:
    """What the adaptation sees of the style image, with a sentence beside it."""
    return (
        f'<div class="crop"><img src="{jpeg(picture)}" alt="The square of the style image that is used" '
        f'width="88" height="88"><p>{html.escape(said)}</p></div>'
    )


def faces(pictures: Sequence[np.ndarray], chosen: int | None) -> str:
    """The faces of a style image as buttons; each carries its place in ``pictures`` as data-index."""
    buttons = (
        f'<button type="button" data-index="{index}" aria-pressed="{str(index == chosen).lower()}">'
        f'<img src="{jpeg(picture)}" alt="Face {index + 1} of {len(pictures)}"></button>'
        for index, picture in enumerate(pictures)
    )
    return _group("examples", "The face that counts", buttons)


def estimate(seconds: float, gpu: bool = False) -> str:
    """How long an adaptation takes, on a GPU or without one."""
    where = "on the GPU" if gpu else "on two CPU cores"
    return f'<p class="hint">About {duration(seconds)} {where}, with the video.</p>'


def progress(update: Update) -> str:
    """Stage, step, time left and a bar."""
    parts = []
    if update.total:
        parts.append(f"step {update.step} of {update.total}")
    if update.seconds_left is not None and update.stage != DONE:
        parts.append(f"about {duration(update.seconds_left)} left")
    percent = round(100 * update.fraction)
    stage = _STAGES.get(update.stage, update.stage)
    return (
        f'<div class="progress"><div class="line"><strong>{html.escape(stage)}</strong>'
        f"<span>{' · '.join(parts)}</span></div>"
        f'<div class="bar" role="progressbar" aria-label="{html.escape(stage)}" aria-valuemin="0" '
        f'aria-valuemax="100" aria-valuenow="{percent}"><i style="width:{max(percent, 1)}%"></i></div></div>'
    )


def waiting(place: tuple[int, float] | None = None) -> str:
    """What stands where progress will, until a job gets its turn.

    Args:
        place: how many jobs are before it, and how many seconds they take.
    """
    before, seconds = place or (0, 0.0)
    said = "Starting" if not before else f"Waiting: {before} {'person is' if before == 1 else 'people are'} before you"
    left = f"<span>about {duration(seconds)}</span>" if before else ""
    return (
        f'<div class="progress"><div class="line"><strong>{said}</strong>{left}</div>'
        '<div class="bar idle" role="progressbar" aria-label="Waiting"><i></i></div></div>'
    )


def curves(steps: Sequence[int], losses: Mapping[str, Sequence[float]], total: int) -> str:
    """The losses so far, each in an own small chart from 0 to its largest value.

    Args:
        steps: at which they were taken.
        losses: by kind, as many values each as there are steps; kinds that come later may have fewer.
        total: of all steps, the right edge of the charts.
    """
    charts = []
    for kind, values in losses.items():
        if len(values) < 2:
            continue
        top, places = max(values) or 1.0, steps[-len(values) :]
        stride = max(1, len(values) // 120)
        points = " ".join(
            f"{100 * place / max(1, total):.1f},{30 - 28 * max(0.0, value) / top:.1f}"
            for place, value in list(zip(places, values, strict=True))[::stride]
        )
        name = html.escape(kind.replace("_", " "))
        charts.append(
            f'<figure class="{"whole" if kind == "total" else ""}"><figcaption><span>{name}</span>'
            f"<b>{values[-1]:.3g}</b></figcaption>"
            f'<svg viewBox="0 0 100 30" preserveAspectRatio="none" role="img" '
            f'aria-label="{name}, now {values[-1]:.3g}"><polyline points="{points}"/></svg></figure>'
        )
    return f'<div class="curves">{"".join(charts)}</div>'


def live(picture: np.ndarray) -> str:
    """The latest preview."""
    return (
        f'<figure class="live"><img src="{jpeg(picture)}" alt="The same people, source left and target right, '
        f'as far as the adaptation is"></figure>'
    )


def compare(before: np.ndarray | str, after: np.ndarray | str) -> str:
    """One picture uint8 [H, W, 3], or that of a path, over another, with a slider that moves the edge between them."""
    return (
        '<div class="compare">'
        f'<img src="{jpeg(before)}" alt="One person of the source world">'
        f'<img src="{jpeg(after)}" alt="The same person in the learned world" class="over">'
        '<i class="handle" aria-hidden="true"></i>'
        '<input type="range" min="0" max="100" value="50" aria-label="Edge between source and target"></div>'
    )


def beside(source: np.ndarray, target: np.ndarray) -> str:
    """One person as source and as target, side by side; pictures uint8 [S, S, 3]."""
    return (
        '<div class="beside">'
        f'<figure><img src="{jpeg(source)}" alt="The person in the source world"><figcaption>Source</figcaption>'
        f'</figure><figure><img src="{jpeg(target)}" alt="The same person in the chosen world">'
        "<figcaption>Target</figcaption></figure></div>"
    )


def chips(texts: Sequence[str]) -> str:
    """Suggestions as small buttons; each carries its place in ``texts`` as data-index."""
    buttons = (
        f'<button type="button" data-index="{index}">{html.escape(text)}</button>' for index, text in enumerate(texts)
    )
    return _group("chips", "Suggestions", buttons)


def domains(entries: Sequence[Entry], chosen: Entry | None = None, action: str = "") -> str:
    """Domains as cards that are buttons; each carries its place in ``entries`` as data-index."""
    if not entries:
        return '<p class="hint">No domain is ready here yet. Make one from a picture or from words.</p>'
    cards = []
    for index, entry in enumerate(entries):
        label = f' aria-label="{html.escape(f"{action} {entry.title}")}"' if action else ""
        cards.append(
            f'<button type="button" data-index="{index}" aria-pressed="{str(entry == chosen).lower()}"'
            f"{label}>{_portrait(entry)}<span>{html.escape(entry.title)}</span></button>"
        )
    return _group("domains", "Domains", cards)


def shared(entries: "Sequence[SharedDomain]") -> str:
    """Public domains as rows that are buttons; each carries its place in ``entries`` as data-index."""
    rows = (
        f'<button type="button" data-index="{index}"><b>{html.escape(entry.title)}</b>'
        f"<span>{html.escape(' · '.join(filter(None, (entry.repo_id, entry.base, entry.licence))))}</span></button>"
        for index, entry in enumerate(entries)
    )
    return _group("shared", "Public domains", rows)


def describe_domain(entry: Entry) -> str:
    """What is known about a domain, in a line or two."""
    facts = " · ".join(filter(None, (f"base {entry.base}", entry.licence, entry.size and f"{entry.size} to fetch")))
    return (
        f'<p class="hint entry-said"><b>{html.escape(entry.title)}</b> {html.escape(entry.note)}'
        f"<br>{html.escape(facts)}</p>"
    )


def snapshot_steps(shots: Sequence[Snapshot]) -> str:
    """At which steps the snapshots were taken."""
    return f"{len(shots)} of them, from step {shots[0].step} to step {shots[-1].step}" if shots else ""


def notice(text: str, kind: str = "note") -> str:
    """A sentence in a frame: ``kind`` is "note" or "problem"; a problem is new to the page each time it occurs."""
    if not text:
        return ""
    about = f'role="alert" data-at="{time.monotonic_ns()}"' if kind == "problem" else 'role="status"'
    return f'<p class="notice {kind}" {about}>{html.escape(text)}</p>'


def summary(settings: Mapping[str, Any]) -> str:
    """The settings that made a result; what was left alone is left out."""
    left_out = () if settings.get("prompt") else ("source",)
    shown = {
        label: settings.get(key)
        for key, label in _SETTINGS.items()
        if key not in left_out and settings.get(key) not in (None, "", {}, [])
    }
    rows = (f"<div><dt>{label}</dt><dd>{html.escape(_value(value))}</dd></div>" for label, value in shown.items())
    return f'<dl class="summary">{"".join(rows)}</dl>'


_SETTINGS = {
    "prompt": "Prompt",
    "source": "Source words",
    "negative": "Away from",
    "method": "Method",
    "preset": "Preset",
    "steps": "Steps",
    "seed": "Seed",
    "strength": "Strength",
    "truncation": "Truncation",
    "weights": "Weights",
    "parts": "Trained",
    "base": "Base",
}


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key.replace('_', ' ')} {item:g}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _group(kind: str, label: str, buttons: Iterable[str]) -> str:
    return f'<div class="{kind}" role="group" aria-label="{label}">{"".join(buttons)}</div>'


def _portrait(entry: Entry) -> str:
    if entry.preview is None:
        return '<i class="no-picture" aria-hidden="true"></i>'
    alt = html.escape(entry.alt or f"A face in the world {entry.title}")
    return f'<img src="{_thumbnail(str(entry.preview))}" alt="{alt}">'


@functools.lru_cache(maxsize=128)
def _thumbnail(path: str) -> str:
    with Image.open(path) as image:
        return jpeg(ImageOps.fit(image.convert("RGB"), (192, 192), Image.Resampling.LANCZOS))


def jpeg(picture: np.ndarray | Image.Image | str) -> str:
    """A picture uint8 [H, W, 3], or that of a path, as an address that holds it."""
    image, buffer = Image.open(picture).convert("RGB") if isinstance(picture, str) else picture, io.BytesIO()
    image = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    image.save(buffer, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()

"""The Explore tab: any person of any world, or of a mixture of worlds, from anywhere."""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from adapter.errors import UserError
from adapter.hub.library import Entry
from adapter.service.explore import render_file, render_pair
from adapter.service.requests import GRID, ORBIT, WALK, ExploreRequest, Update
from adapter.service.sessions import Sessions
from adapter.ui import html
from adapter.ui.tabs.advanced import whole
from adapter.ui.tabs.inputs import QUIET, Outputs, Values
from adapter.ui.tabs.results import EXPLORING
from adapter.ui.user_domains import BASE_WORLD, own_value, path_of, worlds

KEEP_LINK = """
(world, weight, seed, truncation, yaw, pitch, zoom) => {
  const link = new URL(window.location);
  const start = {weight: 1, truncation: 0.7, yaw: 0, pitch: 0, zoom: 1};
  const now = {weight, truncation, yaw, pitch, zoom};
  link.searchParams.delete('prompt');
  if (world && !world.startsWith('own:')) link.searchParams.set('domain', world);
  else link.searchParams.delete('domain');
  link.searchParams.set('seed', seed ?? 0);
  for (const key in now)
    if (now[key] === start[key]) link.searchParams.delete(key); else link.searchParams.set(key, now[key]);
  history.replaceState(null, '', link);
}
"""
COPY_LINK = "() => navigator.clipboard && navigator.clipboard.writeText(window.location.href)"
COUNT = {GRID: 6, WALK: 4, ORBIT: 2}


@dataclass(frozen=True)
class Explore:
    """What other tabs and links need of this one."""

    world: gr.Dropdown
    weight: gr.Slider
    seed: gr.Number
    truncation: gr.Slider
    yaw: gr.Slider
    pitch: gr.Slider
    zoom: gr.Slider
    others: tuple[gr.Dropdown, ...]

    def choose(self, shelf: Sequence[Entry], entry: Entry | None = None, own: bool = True) -> Outputs:
        """Offer the worlds of a shelf, and choose one."""
        choices = worlds(shelf)
        shown: Outputs = {other: gr.Dropdown(choices) for other in self.others}
        if entry is None:
            return {**shown, self.world: gr.Dropdown(choices)}
        return {**shown, self.world: gr.Dropdown(choices, value=own_value(entry) if own else entry.name)}

    @property
    def choosing(self) -> list[gr.Dropdown]:
        """All that `choose` changes."""
        return [self.world, *self.others]


def explore_tab(sessions: Sessions, shelf: gr.State, tab: gr.Tab) -> Explore:
    """Lay the tab out inside the current Tab and connect it."""
    choices = worlds(())
    with gr.Row(elem_classes="columns"):
        with gr.Column(scale=8, min_width=320, elem_classes="card stage"):
            picture = gr.HTML(html.BESIDE_EMPTY, apply_default_css=False, elem_id="view")
            note = gr.HTML(elem_id="explore-note", apply_default_css=False)
            with gr.Row(elem_classes="three"):
                orbit = gr.Button("Orbit video", size="md", elem_id="explore-orbit")
                people = gr.Button("People grid", size="md", elem_id="explore-grid")
                walk = gr.Button("Walk between people", size="md", elem_id="explore-walk")
            status = gr.HTML(elem_id="explore-status", apply_default_css=False)
            film = gr.Video(
                show_label=False,
                autoplay=True,
                loop=True,
                interactive=False,
                buttons=["download"],
                visible=False,
                elem_id="film",
            )
            sheet = gr.Image(
                show_label=False,
                interactive=False,
                buttons=["fullscreen", "download"],
                format="png",
                visible=False,
                elem_id="sheet",
                alt_text="Six people from two sides: source rows, and target rows below them",
            )
        with gr.Column(scale=5, min_width=320, elem_classes="card"):
            gr.HTML(html.heading("World"))
            world = gr.Dropdown(choices, value=BASE_WORLD, label="Which", elem_id="world")
            weight = gr.Slider(-0.5, 1.5, 1.0, step=0.05, label="How much of it", elem_id="weight", buttons=[])
            mixing = []
            with gr.Accordion("Mix with others", open=False, elem_classes="inner", elem_id="mix"):
                for number in (2, 3):
                    other = gr.Dropdown(choices, value=BASE_WORLD, label=f"World {number}")
                    share = gr.Slider(-0.5, 1.5, 0.5, step=0.05, label=f"How much of world {number}", buttons=[])
                    mixing.append((other, share))
            gr.HTML(html.heading("Person"))
            with gr.Row(elem_classes="person"):
                seed = gr.Number(
                    0, label="Seed", precision=0, minimum=0, maximum=2**31 - 1, elem_id="seed", min_width=110
                )
                someone = gr.Button("Someone else", size="md", elem_id="someone", min_width=130)
            truncation = gr.Slider(0, 1, 0.7, step=0.05, label="Truncation", elem_id="truncation", buttons=[])
            gr.HTML(html.heading("Camera"))
            yaw = gr.Slider(-55, 55, 0, step=1, label="Turn, in degrees", elem_id="yaw", buttons=[])
            pitch = gr.Slider(-25, 25, 0, step=1, label="Up and down, in degrees", elem_id="pitch", buttons=[])
            zoom = gr.Slider(0.6, 2, 1, step=0.05, label="Zoom", elem_id="zoom", buttons=[])
            link = gr.Button("Copy a link to this view", size="md", elem_id="copy-link")

    controls = [world, weight, *(c for pair in mixing for c in pair), seed, truncation, yaw, pitch, zoom]
    inputs = {shelf, *controls}

    def asked(values: Values, **more: Any) -> ExploreRequest:
        chosen = [(world, weight), *mixing]
        mix = tuple(
            (str(path_of(values[name], values[shelf])), float(values[share]))
            for name, share in chosen
            if values[name] and values[share]
        )
        return ExploreRequest(
            mix=mix,
            seed=whole(values[seed]),
            truncation=float(values[truncation]),
            yaw=math.radians(values[yaw]),
            pitch=math.radians(values[pitch]),
            zoom=float(values[zoom]),
            **more,
        )

    def look(values: Values) -> Outputs:
        """The picture for where everything stands."""
        try:
            return {picture: html.beside(*render_pair(asked(values))), note: ""}
        except UserError as error:
            return {note: html.notice(str(error), "problem")}

    def make(kind: str, values: Values, session: str) -> Iterator[Outputs]:
        """A video or a sheet, with progress."""
        yield {status: html.progress(Update(html.MAKING[kind])), note: ""}
        try:
            folder = str(sessions.new_job(session))
            file = ""
            for update in render_file(asked(values, kind=kind, count=COUNT[kind], folder=folder)):
                file = update.file
                if not file and update.step % 4 == 0:
                    shown = Update(html.MAKING[kind], update.step, update.total, None, update.fraction)
                    yield {status: html.progress(shown)}
            if kind == GRID:
                yield {status: "", sheet: gr.Image(file, visible=True), film: gr.Video(visible=False)}
            else:
                yield {status: "", film: gr.Video(file, visible=True), sheet: gr.Image(visible=False)}
        except UserError as error:
            yield {status: "", note: html.notice(str(error), "problem")}

    def make_orbit(values: Values, request: gr.Request) -> Iterator[Outputs]:
        """The chosen person, from side to side."""
        yield from make(ORBIT, values, request.session_hash or "")

    def make_grid(values: Values, request: gr.Request) -> Iterator[Outputs]:
        """Six people."""
        yield from make(GRID, values, request.session_hash or "")

    def make_walk(values: Values, request: gr.Request) -> Iterator[Outputs]:
        """From person to person."""
        yield from make(WALK, values, request.session_hash or "")

    gr.on(
        [tab.select, *(control.change for control in controls)],
        look,
        inputs,
        [picture, note],
        trigger_mode="always_last",
        **EXPLORING,
        **QUIET,
    )
    for button, handler in ((orbit, make_orbit), (people, make_grid), (walk, make_walk)):
        button.click(handler, inputs, [status, note, film, sheet], concurrency_limit=1, concurrency_id="films", **QUIET)
    someone.click(lambda: random.randrange(100_000), None, seed, queue=False, **QUIET)
    linked = [world, weight, seed, truncation, yaw, pitch, zoom]
    gr.on([control.input for control in linked] + [seed.change], None, linked, js=KEEP_LINK, api_visibility="private")
    link.click(
        None, linked, js=f"(...now) => {{ ({KEEP_LINK.strip()})(...now); ({COPY_LINK})(); }}", api_visibility="private"
    )
    link.click(lambda: gr.Info("The link is in the clipboard.", duration=4), None, None, queue=False, **QUIET)
    return Explore(world, weight, seed, truncation, yaw, pitch, zoom, tuple(other for other, _ in mixing))

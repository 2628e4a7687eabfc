"""The Explore tab: any person of any world, or of a mixture of worlds, from anywhere."""

import logging
import math
import random
import time
from collections.abc import Iterator, Sequence
from typing import Any

import gradio as gr

from adapter.errors import UserError
from adapter.hub.library import Entry
from adapter.media.names import named
from adapter.methods.offers import TRUNCATION_PSI
from adapter.service.gpu import is_lent, jobs_at_once
from adapter.service.jobs import render_pair, render_views
from adapter.service.requests import GRID, ORBIT, WALK, ExploreRequest
from adapter.service.settings import Settings
from adapter.service.view_grid import PITCH, YAW, identity, serves
from adapter.service.visitors import Visitors
from adapter.ui import html, turning
from adapter.ui.handlers import AT_ONCE, EXPLORING, FILMING, QUIET, Outputs, Values, report_errors, running_base
from adapter.ui.manners import COPY_LINK
from adapter.ui.tabs.advanced import whole
from adapter.ui.tabs.films import make_film
from adapter.ui.turning import AFTER_DRAWING, LET_GO_BY_KEYS, TURN
from adapter.ui.user_domains import BASE_WORLD, fetch_worlds, own_value, path_of, worlds

KEEP_LINK = """
(world, weight, seed, truncation, yaw, pitch, zoom) => {
  const link = new URL(window.location);
  const start = {weight: 1, truncation: PSI, yaw: 0, pitch: 0, zoom: 1};
  const now = {weight, truncation, yaw, pitch, zoom};
  link.searchParams.delete('prompt');
  if (world && !world.startsWith('own:')) link.searchParams.set('domain', world);
  else link.searchParams.delete('domain');
  link.searchParams.set('seed', seed ?? 0);
  for (const key in now)
    if (now[key] === start[key]) link.searchParams.delete(key); else link.searchParams.set(key, now[key]);
  history.replaceState(null, '', link);
}
""".replace("PSI", str(TRUNCATION_PSI))
AROUND: dict[str, Any] = {"concurrency_limit": jobs_at_once(), "concurrency_id": "views"}
SETTLING_SECONDS = 0.4
"""A person who is not looked at for longer gets no views."""
COUNT = {GRID: 6, WALK: 4, ORBIT: 2}


class ExploreTab:
    """The Explore tab. Made inside of its Tab: `layout`, then `connect`.

    Args:
        settings: name the base and the library.
        visitors: where files go.
        user_domains: state of the visitor's own domains.
    """

    def __init__(self, settings: Settings, visitors: Visitors, user_domains: gr.State) -> None:
        self.settings, self.visitors, self.user_domains = settings, visitors, user_domains

    def layout(self) -> None:
        """Make the components."""
        with gr.Row(elem_classes="columns"):
            with gr.Column(scale=8, min_width=320, elem_classes="card stage"):
                self._layout_stage()
            with gr.Column(scale=5, min_width=320, elem_classes="card"):
                self._layout_worlds()
                self._layout_person()
                self._layout_camera()

    def _layout_stage(self) -> None:
        self.picture = gr.HTML(html.BESIDE_EMPTY, apply_default_css=False, elem_id="view")
        self.note = gr.HTML(elem_id="explore-note", apply_default_css=False)
        with gr.Row(elem_classes="three"):
            self.orbit_button = gr.Button("Orbit video", size="md", elem_id="explore-orbit")
            self.grid_button = gr.Button("People grid", size="md", elem_id="explore-grid")
            self.walk_button = gr.Button("Walk between people", size="md", elem_id="explore-walk")
        self.status = gr.HTML(elem_id="explore-status", apply_default_css=False)
        self.views, self.viewed = gr.HTML(elem_id="views", apply_default_css=False), gr.State(("", 0.0))
        hidden: dict[str, Any] = {"show_label": False, "interactive": False, "visible": False}
        self.film = gr.Video(autoplay=True, loop=True, buttons=["download"], elem_id="film", **hidden)
        self.sheet = gr.Image(
            buttons=["fullscreen", "download"], format="png", elem_id="sheet", alt_text=html.SHEET_ALT, **hidden
        )

    def _layout_worlds(self) -> None:
        choices = worlds(self.settings, ())
        gr.HTML(html.heading("World"))
        self.world = gr.Dropdown(choices, value=BASE_WORLD, label="Which", elem_id="world")
        self.weight = gr.Slider(-0.5, 1.5, 1.0, step=0.05, label="How much of it", elem_id="weight", buttons=[])
        self.mix: list[tuple[gr.Dropdown, gr.Slider]] = [(self.world, self.weight)]
        with gr.Accordion("Mix with others", open=False, elem_classes="inner", elem_id="mix"):
            for number in (2, 3):
                other = gr.Dropdown(choices, value=BASE_WORLD, label=f"World {number}")
                share = gr.Slider(-0.5, 1.5, 0.5, step=0.05, label=f"How much of world {number}", buttons=[])
                self.mix.append((other, share))

    def _layout_person(self) -> None:
        gr.HTML(html.heading("Person"))
        with gr.Row(elem_classes="person"):
            self.seed = gr.Number(
                0, label="Seed", precision=0, minimum=0, maximum=2**31 - 1, elem_id="seed", min_width=110
            )
            self.someone = gr.Button("Someone else", size="md", elem_id="someone", min_width=130)
        self.truncation = gr.Slider(
            0, 1, TRUNCATION_PSI, step=0.05, label="Truncation", elem_id="truncation", buttons=[]
        )

    def _layout_camera(self) -> None:
        gr.HTML(html.heading("Camera"))
        self.yaw = gr.Slider(-YAW, YAW, 0, step=1, label="Turn, in degrees", elem_id="yaw", buttons=[])
        self.pitch = gr.Slider(-PITCH, PITCH, 0, step=1, label="Up and down, in degrees", elem_id="pitch", buttons=[])
        self.zoom = gr.Slider(0.6, 2, 1, step=0.05, label="Zoom", elem_id="zoom", buttons=[])
        self.link = gr.Button("Copy a link to this view", size="md", elem_id="copy-link")
        self.copied = gr.HTML(elem_id="copied", apply_default_css=False)

    def connect(self, tab: gr.Tab) -> None:
        """Connect the components; the tab is the one that they lie in."""
        self._connect_camera(tab)
        controls = [*self._who, *self._pose]
        inputs: set[Any] = {self.user_domains, *controls}
        # Where every view borrows a GPU, a slider shows one when it is let go of, not one for each of its steps.
        sliders = gr.Slider if is_lent() else ()
        moved = (one.release if isinstance(one, sliders) else one.change for one in self._who)
        looking = [tab.select, *moved, *(one.release for one in self._pose)]
        looked = gr.on(
            looking, self.look, inputs, [self.picture, self.note], trigger_mode="always_last", **EXPLORING, **QUIET
        )
        around = [self.views, self.viewed, self.note]
        looked.then(self.look_around, {self.viewed, *inputs}, around, trigger_mode="multiple", **AROUND, **QUIET)
        outputs = [self.status, self.note, self.film, self.sheet]
        films: dict[str, Any] = {**FILMING, **QUIET}
        self.orbit_button.click(self.make_orbit, inputs, outputs, **films)
        self.grid_button.click(self.make_grid, inputs, outputs, **films)
        self.walk_button.click(self.make_walk, inputs, outputs, **films)
        self.someone.click(self.meet_someone, None, [self.seed, self.note], **AT_ONCE)
        linked: list[Any] = [self.world, self.weight, self.seed, self.truncation, *self._pose]
        changed = [*(control.input for control in linked), self.seed.change]
        gr.on(changed, None, linked, js=KEEP_LINK, api_visibility="private")
        copy = f"(...now) => {{ ({KEEP_LINK.strip()})(...now); return ({COPY_LINK.strip()})(); }}"
        self.link.click(None, linked, self.copied, js=copy, api_visibility="private")

    def _connect_camera(self, tab: gr.Tab) -> None:
        """While the camera moves, the browser turns the person by itself."""
        controls = [*self._who, *self._pose]
        browser: dict[str, Any] = {"api_visibility": "private"}
        gr.on([one.change for one in controls], None, controls, js=TURN, trigger_mode="multiple", **browser)
        gr.on([self.picture.change, self.views.change], None, controls, js=AFTER_DRAWING, **browser)
        tab.select(None, None, None, js=LET_GO_BY_KEYS, **browser)

    @property
    def _who(self) -> list[Any]:
        """The controls of who is seen, in which worlds."""
        return [*(control for pair in self.mix for control in pair), self.seed, self.truncation]

    @property
    def _pose(self) -> list[gr.Slider]:
        """The controls of the camera."""
        return [self.yaw, self.pitch, self.zoom]

    @property
    def choosing(self) -> list[gr.Dropdown]:
        """All that `choose` changes."""
        return [world for world, _ in self.mix]

    def choose(self, kept: Sequence[Entry], entry: Entry | None = None, own: bool = True) -> Outputs:
        """Offer the worlds, the visitor's own among them, and choose one."""
        choices = worlds(self.settings, kept)
        shown: Outputs = {world: gr.Dropdown(choices) for world in self.choosing}
        if entry is not None:
            shown[self.world] = gr.Dropdown(choices, value=own_value(entry) if own else entry.name)
        return shown

    @report_errors()
    def look(self, values: Values, request: gr.Request) -> Iterator[Outputs]:
        """Render the picture for where everything stands; a world that is not here yet is fetched first."""
        for told in self._fetch(values):
            yield {self.note: html.notice(told)}
        wanted = self._request(values)
        key = self.visitors.of(request.session_hash or "").person = identity(wanted)
        who, pose = ([values[one] for one in group] for group in (self._who, self._pose))
        yield {self.picture: turning.picture(*render_pair(wanted), key, who, pose), self.note: ""}

    @report_errors()
    def look_around(self, values: Values, request: gr.Request) -> Outputs:
        """Render the views that the browser turns the person by; nothing if it has them, or shows somebody else."""
        nothing: Outputs = {self.views: gr.skip()}
        try:
            wanted = self._request(values)
            key, visitor = identity(wanted), self.visitors.of(request.session_hash or "")
            held, zoom = values[self.viewed]
            if held == key and serves(zoom, wanted.zoom):
                return nothing
            time.sleep(SETTLING_SECONDS)
            sheet = render_views(wanted, lambda: visitor.person == key) if visitor.person == key else None
        except UserError as error:
            # The note says what the picture lacks; without views, it turns when the slider is let go of.
            logging.getLogger("adapter").info("No views: %s", error)
            return nothing
        if sheet is None:
            return nothing
        return {self.views: turning.views(sheet, key, wanted.zoom), self.viewed: (key, wanted.zoom)}

    @report_errors()
    def meet_someone(self) -> Outputs:
        """Choose another person."""
        return {self.seed: random.randrange(100_000)}

    @report_errors()
    def make_orbit(self, values: Values, request: gr.Request) -> Iterator[Outputs]:
        """Make a video of the chosen person, from side to side."""
        yield from self._make(ORBIT, values, request)

    @report_errors()
    def make_grid(self, values: Values, request: gr.Request) -> Iterator[Outputs]:
        """Make a sheet of six people."""
        yield from self._make(GRID, values, request)

    @report_errors()
    def make_walk(self, values: Values, request: gr.Request) -> Iterator[Outputs]:
        """Make a video from person to person."""
        yield from self._make(WALK, values, request)

    def _make(self, kind: str, values: Values, request: gr.Request) -> Iterator[Outputs]:
        for told in self._fetch(values):
            yield {self.note: html.notice(told)}
        file = yield from make_film(
            self, kind, request, lambda folder: self._request(values, kind=kind, count=COUNT[kind], folder=folder)
        )
        file = str(named(file, self._style(values), whole(values[self.seed])))
        sheet, film = (file, None) if kind == GRID else (None, file)
        yield {
            self.status: "",
            self.sheet: gr.Image(sheet, visible=sheet is not None),
            self.film: gr.Video(film, visible=film is not None),
        }

    def _fetch(self, values: Values) -> Iterator[str]:
        return fetch_worlds(self.settings, [values[world] for world, share in self.mix if values[share]])

    def _style(self, values: Values) -> str:
        titles = {value: title for title, value in worlds(self.settings, values[self.user_domains])}
        return titles.get(values[self.world], "mixture")

    def _request(self, values: Values, **arguments: Any) -> ExploreRequest:
        kept = values[self.user_domains]
        mix = tuple(
            (str(path_of(self.settings, values[world], kept)), float(values[share]))
            for world, share in self.mix
            if values[world] and values[share]
        )
        return ExploreRequest(
            mix=mix,
            seed=whole(values[self.seed]),
            truncation=float(values[self.truncation]),
            yaw=math.radians(values[self.yaw]),
            pitch=math.radians(values[self.pitch]),
            zoom=float(values[self.zoom]),
            **arguments,
            **running_base(self.settings),
        )

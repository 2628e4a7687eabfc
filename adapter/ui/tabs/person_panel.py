"""A person who was found: in any world, from any side, edited; and files to take along."""

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import gradio as gr

from adapter.errors import UserError
from adapter.hub.library import Entry
from adapter.media.names import named
from adapter.service.jobs import render_pair
from adapter.service.limits import PROMPT_LETTERS
from adapter.service.person_requests import PersonRequest
from adapter.service.persons import FIRST_EDITS, edits
from adapter.service.prompts import reads_everything
from adapter.service.requests import ORBIT, WALK, InvertResult
from adapter.service.settings import Settings
from adapter.service.shape_requests import WalkRequest
from adapter.service.visitors import Visitors
from adapter.ui import html, portrait_html
from adapter.ui.handlers import AT_ONCE, EXPLORING, FILMING, QUIET, Outputs, Values, report_errors, running_base
from adapter.ui.tabs.films import FilmRequest, make_film
from adapter.ui.tabs.meshes import MeshPanel, MeshWish
from adapter.ui.user_domains import BASE_WORLD, own_value, path_of, worlds

EDIT_RANGE = 2.5
GONE = (
    "This person is no longer here: files are removed after an hour. Reconstruct the portrait again, or open its file."
)


class PersonPanel:
    """The found person and all controls. Made inside of Blocks: `layout`, then `connect`.

    Args:
        settings: name the base and the library.
        visitors: where files go.
        user_domains: state of the visitor's own domains.
    """

    def __init__(self, settings: Settings, visitors: Visitors, user_domains: gr.State) -> None:
        self.settings, self.visitors, self.user_domains = settings, visitors, user_domains
        self.meshes = MeshPanel(settings, visitors, "person", self._meshes_wanted)

    def layout(self) -> None:
        """Make the components; ``person`` is the path of the person's file."""
        self.person = gr.State("")
        with gr.Column(visible=False, elem_id="person") as self.column:
            gr.HTML(html.title(3, "You, in any world"))
            self.picture = gr.HTML(html.BESIDE_EMPTY, apply_default_css=False, elem_id="person-view")
            self.said = gr.HTML(elem_id="person-said", apply_default_css=False)
            with gr.Row():
                self.world = gr.Dropdown(
                    worlds(self.settings, ()), value=BASE_WORLD, label="World", elem_id="person-world"
                )
                self.weight = gr.Slider(
                    -0.5, 1.5, 1.0, step=0.05, label="How much of it", elem_id="person-weight", buttons=[]
                )
            with gr.Row():
                self.yaw = gr.Slider(-55, 55, 0, step=1, label="Turn, in degrees", elem_id="person-yaw", buttons=[])
                self.pitch = gr.Slider(-25, 25, 0, step=1, label="Up and down", elem_id="person-pitch", buttons=[])
            self._layout_edits()
            with gr.Row(visible=reads_everything(self.settings.encoder), elem_classes="actions"):
                self.words = gr.Textbox(
                    placeholder="a person with curly hair",
                    label="Edit by words",
                    max_length=PROMPT_LETTERS,
                    elem_id="person-words",
                    scale=3,
                )
                self.words_button = gr.Button("Change", size="md", elem_id="person-change", scale=1)
            with gr.Row(elem_classes="three"):
                self.orbit_button = gr.Button("Turning video", size="md", elem_id="person-orbit")
                self.walk_button = gr.Button("Walk to others and back", size="md", elem_id="person-walk")
                self.person_file = gr.DownloadButton("Person (.safetensors)", size="md", elem_id="download-person")
                self.render_file = gr.DownloadButton("Likeness (.png)", size="md", elem_id="download-likeness")
            self.status = gr.HTML(elem_id="person-status", apply_default_css=False)
            self.film = gr.Video(
                autoplay=True,
                loop=True,
                buttons=["download"],
                elem_id="person-film",
                show_label=False,
                interactive=False,
                visible=False,
            )
            self.meshes.layout()
            self.note = gr.HTML(elem_id="person-note", apply_default_css=False)

    def _layout_edits(self) -> None:
        self.sliders: dict[str, gr.Slider] = {}
        offered = edits(self.settings.base)
        first = len(FIRST_EDITS)
        for name, some, is_open in (("Edit", offered[:first], True), ("More edits", offered[first:], False)):
            if some:
                with gr.Accordion(name, open=is_open, elem_classes="inner", elem_id=name.lower().replace(" ", "-")):
                    for edit in some:
                        self.sliders[edit.name] = gr.Slider(
                            -EDIT_RANGE,
                            EDIT_RANGE,
                            0,
                            step=0.1,
                            label=edit.label,
                            info=f"{edit.low} to {edit.high}",
                            elem_id=f"edit-{edit.name}",
                            buttons=[],
                        )
        self.reset = gr.Button("Undo all edits", size="sm", elem_id="undo-edits", visible=bool(offered))

    def connect(self) -> None:
        """Connect the components."""
        inputs: set[Any] = {self.person, self.user_domains, *self.controls}
        seen = [self.picture, self.note]
        looking = [self.person.change, *(control.change for control in self.controls)]
        gr.on(looking, self.look, inputs, seen, trigger_mode="always_last", **EXPLORING, **QUIET)
        shown = [self.status, self.note, self.film]
        self.orbit_button.click(self.make_orbit, inputs, shown, **{**FILMING, **QUIET})
        self.walk_button.click(self.make_walk, inputs, shown, **{**FILMING, **QUIET})
        self.meshes.connect(inputs)
        self.reset.click(self.undo, None, [*self.sliders.values(), self.note], **AT_ONCE)

    @property
    def controls(self) -> list[Any]:
        """All that the picture depends on beside the person."""
        return [self.world, self.weight, self.yaw, self.pitch, *self.sliders.values()]

    @property
    def components(self) -> list[Any]:
        """All that `show` and `open` change."""
        files = [self.person_file, self.render_file]
        shown = [self.column, self.person, self.said, self.film, self.yaw, self.pitch]
        return [*shown, *self.sliders.values(), *files, *self.meshes.components]

    def show(self, found: InvertResult) -> Outputs:
        """Fill in a result, seen from where the portrait was taken."""
        picture = str(named(found.render, "you", found.steps))
        return {
            **self.open(found.person),
            self.said: portrait_html.facts(found.distance, found.steps, found.words),
            self.yaw: _degrees(found.yaw, self.yaw),
            self.pitch: _degrees(found.pitch, self.pitch),
            self.render_file: gr.DownloadButton(value=picture, visible=True),
        }

    def open(self, person: str) -> Outputs:
        """Show a person by the file."""
        return {
            self.column: gr.Column(visible=True),
            self.person: person,
            self.said: "",
            self.film: gr.Video(None, visible=False),
            self.person_file: gr.DownloadButton(value=str(named(person, "you", 0))),
            self.render_file: gr.DownloadButton(visible=False),
            **dict.fromkeys(self.sliders.values(), 0),
            **self.meshes.offer(True),
        }

    def hide(self) -> Outputs:
        """Make room for the next reconstruction."""
        return {self.column: gr.Column(visible=False), self.person: ""}

    def choose(self, kept: Sequence[Entry], entry: Entry | None = None) -> Outputs:
        """Offer the worlds, the visitor's own among them, and choose one."""
        choices = worlds(self.settings, kept)
        if entry is None:
            return {self.world: gr.Dropdown(choices)}
        return {self.world: gr.Dropdown(choices, value=own_value(entry))}

    @report_errors()
    def look(self, values: Values) -> Outputs:
        """Render the picture for where everything stands."""
        if not values[self.person]:
            return {self.note: ""}
        return {self.picture: html.beside(*render_pair(self._request(values))), self.note: ""}

    @report_errors()
    def undo(self) -> Outputs:
        """Set every edit back."""
        return {self.note: "", **dict.fromkeys(self.sliders.values(), 0)}

    @report_errors()
    def make_orbit(self, values: Values, request: gr.Request) -> Iterator[Outputs]:
        """Make a video of the person as source and as target, from side to side."""
        yield from self._film(ORBIT, request, lambda folder: self._request(values, ORBIT, folder))

    @report_errors()
    def make_walk(self, values: Values, request: gr.Request) -> Iterator[Outputs]:
        """Make a video from the person to others and back, as source and as target."""
        yield from self._film(WALK, request, lambda folder: self._walk_wanted(values, folder))

    def _film(self, kind: str, request: gr.Request, wanted: Callable[[str], FilmRequest]) -> Iterator[Outputs]:
        file = yield from make_film(self, kind, request, wanted)
        yield {self.status: "", self.film: gr.Video(str(named(file, "you", 0)), visible=True)}

    def _walk_wanted(self, values: Values, folder: str) -> WalkRequest:
        return WalkRequest(folder, **self._who(values), **running_base(self.settings))

    def _meshes_wanted(self, values: Values) -> MeshWish:
        return MeshWish(self._who(values), "you", 0)

    def _who(self, values: Values) -> dict[str, Any]:
        """The person, the edits and the world, as arguments of a request."""
        if not Path(values[self.person]).is_file():
            raise UserError(GONE)
        mix: tuple[tuple[str, float], ...] = ()
        world = values[self.world]
        if world and values[self.weight]:
            path = path_of(self.settings, world, values[self.user_domains])
            mix = ((str(path), float(values[self.weight])),)
        edits = {name: float(values[slider]) for name, slider in self.sliders.items() if values[slider]}
        return {"person": values[self.person], "edits": edits, "mix": mix}

    def _request(self, values: Values, kind: Literal["image", "orbit"] = "image", folder: str = "") -> PersonRequest:
        return PersonRequest(
            kind=kind,
            folder=folder,
            yaw=math.radians(values[self.yaw]),
            pitch=math.radians(values[self.pitch]),
            **self._who(values),
            **running_base(self.settings),
        )


def _degrees(angle: float, slider: gr.Slider) -> int:
    return round(min(max(math.degrees(angle), slider.minimum), slider.maximum))

"""The page: title, tabs, footer, and how it is served."""

import functools
import importlib.util
from collections.abc import Iterator
from typing import Any

import gradio as gr

from adapter.hub.library import Entry
from adapter.service import library
from adapter.service.arrivals import arrivals
from adapter.service.gpu import jobs_at_once
from adapter.service.job_queue import JobQueue
from adapter.service.kept_files import MAXIMUM_BYTES
from adapter.service.sessions import Sessions
from adapter.service.settings import Settings
from adapter.service.visitors import Visitors
from adapter.ui import html
from adapter.ui.api import connect_api
from adapter.ui.bases import TO_START, BasePages, turn_to
from adapter.ui.blocks import PageBlocks
from adapter.ui.browser import OPEN
from adapter.ui.endpoints import SharedInputs
from adapter.ui.handlers import AT_ONCE, QUIET, Outputs, report_errors
from adapter.ui.manners import KEEP_STILL
from adapter.ui.person_api import connect_person_api
from adapter.ui.shape_api import connect_shape_api
from adapter.ui.tabs.about import about_tab
from adapter.ui.tabs.create import CreateTab
from adapter.ui.tabs.explore import ExploreTab
from adapter.ui.tabs.library import LibraryTab
from adapter.ui.tabs.results import Made, entry_of
from adapter.ui.tabs.you import YouTab
from adapter.ui.theme import ICON, STYLE, theme
from adapter.ui.uploads import copy_of
from adapter.ui.url_state import UrlState
from adapter.ui.user_domains import added

_CACHE_SECONDS = 3600
_WAITING_VISITORS = 20
_PULSE_SECONDS = 60.0


def build(settings: Settings, sessions: Sessions) -> gr.Blocks:
    """The whole page; `serving` says how to launch it.

    Args:
        settings: of the app.
        sessions: where visitors' files go.
    """
    at_once = jobs_at_once()
    queue, films = JobQueue(at_once=at_once), JobQueue(per_visitor=4, at_once=at_once)
    visitors = Visitors(sessions, queue, copy_of, settings.grace, films=films)
    with PageBlocks(
        visitors,
        title="3D Domain Adapter",
        analytics_enabled=False,
        fill_width=True,
        delete_cache=(600, _CACHE_SECONDS),
    ) as blocks:
        pages = BasePages.of(settings)
        Page(settings, visitors, pages).make(blocks)
        with gr.Row(visible=False):
            shared = SharedInputs()
        for connect in (connect_api, connect_person_api, connect_shape_api):
            connect(settings, visitors, shared)
        for entry, own in pages.others:
            turn_to(blocks, entry.name, entry.title)
            Page(own, visitors, pages).make(blocks)
        if pages.first_name:
            turn_to(blocks, pages.first_name, pages.first_name)
            blocks.load(None, js=TO_START, api_visibility="private")
    visitors.keep_swept()
    return blocks.queue(max_size=_WAITING_VISITORS, default_concurrency_limit=4)


class Page:
    """All tabs of one base, and what goes on between them.

    Args:
        settings: name the base and the library.
        visitors: who everything belongs to.
        pages: of the other bases.
    """

    def __init__(self, settings: Settings, visitors: Visitors, pages: BasePages) -> None:
        self.settings, self.visitors, self.pages = settings, visitors, pages
        self.user_domains = gr.State([])
        self.create = CreateTab(settings, self.visitors)
        self.you = YouTab(settings, self.visitors, self.user_domains)
        self.explore = ExploreTab(settings, self.visitors, self.user_domains)
        self.library = LibraryTab(settings, self.visitors, self.user_domains, self.explore, pages)

    def make(self, blocks: gr.Blocks) -> None:
        """Make and connect everything, inside of Blocks."""
        self.layout()
        self.connect(blocks)

    def layout(self) -> None:
        """Make the components."""
        self.token, self.pulse = gr.Textbox("", visible=False), gr.Timer(_PULSE_SECONDS)
        gr.HTML(html.HEADER + self.pages.switch(self.settings.base), apply_default_css=False)
        self.arrival = gr.HTML(elem_id="arrival", apply_default_css=False)
        with gr.Tabs(elem_id="tabs") as self.tabs:
            with gr.Tab("Create", id="create"):
                self.create.layout()
            with gr.Tab("You", id="you"):
                self.you.layout()
            with gr.Tab("Explore", id="explore") as self.explore_tab:
                self.explore.layout()
            with gr.Tab("Library", id="library"):
                self.library.layout()
            with gr.Tab("About", id="about"):
                about_tab(self.settings)
        gr.HTML(html.footer(self.settings.grace), apply_default_css=False)

    def connect(self, blocks: gr.Blocks) -> None:
        """Connect the components and the page's address."""
        create, kept = self.create, self.user_domains
        create.connect()
        self.you.connect()
        self.explore.connect(self.explore_tab)
        self.library.connect(self.tabs)
        offering = [*self.explore.choosing, self.you.panel.world, self.library.mine, self.library.to_push]
        following = list(dict.fromkeys([*create.changing, kept, *offering]))
        restored = list(
            dict.fromkeys([*following, *create.inputs.restored, *create.advanced.components, create.advanced.estimate])
        )
        blocks.load(None, js=KEEP_STILL, api_visibility="private")
        blocks.load(self.attach, self.token, [*restored, *self.you.changing], js=OPEN, **AT_ONCE)
        create.clock.tick(self.follow, [create.shown, kept], following, **AT_ONCE)
        self.pulse.tick(self.live_on, None, None, **AT_ONCE)
        opened = create.results.open_in_explore.click(
            self.open_result,
            [create.results.made, create.results.snapshot, kept],
            [kept, self.tabs, create.note, *self.explore.choosing],
            **AT_ONCE,
        )
        for changed in (opened, *self.library.changed):
            changed.then(self.offer, kept, offering, **AT_ONCE)
        UrlState(self.settings, self.tabs, create.inputs, self.explore).connect(blocks)
        if len(self.pages.entries) > 1:
            blocks.load(None, js=self.pages.redirect(self.settings.base), api_visibility="private")
        if self.settings != self.pages.start:
            blocks.load(self.fetch_base, None, [self.arrival], concurrency_limit=2, concurrency_id="arrivals", **QUIET)
        blocks.unload(self.leave)

    @report_errors("create.note")
    def attach(self, token: str, request: gr.Request) -> Outputs:
        """Show what the visitor of this browser has, when the page opens or opens again."""
        base = "" if self.settings == self.pages.start else self.settings.base
        visitor = self.visitors.attach(request.session_hash or "", token, base)
        kept = [entry for entry in visitor.domains if entry.path is not None and entry.path.is_file()]
        job = visitor.job
        if job is not None and job.outcome is not None and not job.outcome.is_there:
            job = visitor.job = None
        shown = {} if job is None else self.create.show(job)
        if visitor.values and "prompt" not in dict(request.query_params):
            shown = {**self.create.restore(visitor.values, request), **shown}
        return self._with_domains({**shown, **self.you.restore(visitor.inversion)}, kept, request)

    @report_errors("create.note")
    def follow(self, shown: str, kept: list[Entry], request: gr.Request) -> Outputs:
        """Show what is new about the visitor's job, and offer its result everywhere."""
        news = self.create.follow(shown, request)
        return self._with_domains(news, kept, request) if self.create.results.made in news else news

    @report_errors("arrival")
    def fetch_base(self) -> Iterator[Outputs]:
        """Fetch the base of this page if it is not here yet, and tell how far it is."""
        for told in arrivals(functools.partial(library.fetch_base, self.settings)):
            yield {self.arrival: html.notice(told)}
        yield {self.arrival: ""}

    @report_errors("")
    def live_on(self, request: gr.Request) -> None:
        """The page is still open, even if Gradio's own connection to it was cut."""
        self.visitors.of(request.session_hash or "")

    @report_errors("")
    def offer(self, kept: list[Entry], request: gr.Request) -> Outputs:
        """Offer the visitor's own domains wherever they can be chosen."""
        self.visitors.of(request.session_hash or "").domains = kept
        return {**self.explore.choose(kept), **self.you.choose(kept), **self.library.show(kept)}

    @report_errors("create.note")
    def open_result(self, made: Made | None, snapshot: int, kept: list[Entry]) -> Outputs:
        """Go from a result to Explore."""
        entry = None if made is None else entry_of(made, snapshot)
        if entry is None:
            return {self.tabs: gr.skip()}
        kept = added(kept, entry)
        return {
            self.user_domains: kept,
            self.tabs: gr.Tabs(selected="explore"),
            **self.explore.choose(kept, entry),
        }

    @report_errors("")
    def leave(self, request: gr.Request) -> None:
        """A page was closed or lost its connection: what belongs to its visitor goes some minutes later."""
        self.visitors.leave(request.session_hash or "")

    def _with_domains(self, shown: Outputs, kept: list[Entry], request: gr.Request) -> Outputs:
        made = shown.get(self.create.results.made)
        entry = entry_of(made) if isinstance(made, Made) else None
        kept = kept if entry is None else added(kept, entry)
        # Choices that are offered again make Explore render, which nobody needs who has just come.
        offered = self.offer(kept, request) if kept else {}
        return {**shown, self.user_domains: kept, **offered}


def serving(settings: Settings) -> dict[str, Any]:
    """Arguments for ``launch``: private by default, nothing recorded, nothing fetched from elsewhere."""
    return {
        "server_name": settings.host,
        "server_port": settings.port,
        "theme": theme(),
        "css_paths": STYLE,
        "favicon_path": ICON,
        "max_file_size": MAXIMUM_BYTES,  # of a domain or a person; what reads pictures refuses those above 25 MB
        "footer_links": [],
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
        "share": False,
        "show_error": False,
        "_frontend": False,  # or a machine that takes 3 s for its first page would end here, as one without localhost
        "mcp_server": importlib.util.find_spec("mcp") is not None,
    }

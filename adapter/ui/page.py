"""The page: title, tabs, footer, and how it is served."""

import importlib.util
from typing import Any

import gradio as gr

from adapter.hub.library import Entry
from adapter.service.job_queue import JobQueue
from adapter.service.sessions import Sessions
from adapter.service.settings import Settings
from adapter.service.visitors import Visitors
from adapter.ui import html
from adapter.ui.api import connect_api
from adapter.ui.browser import OPEN
from adapter.ui.handlers import QUIET, Outputs, report_errors
from adapter.ui.manners import KEEP_STILL
from adapter.ui.tabs.about import about_tab
from adapter.ui.tabs.create import CreateTab
from adapter.ui.tabs.explore import ExploreTab
from adapter.ui.tabs.library import LibraryTab
from adapter.ui.tabs.results import Made, entry_of
from adapter.ui.theme import ICON, STYLE, theme
from adapter.ui.uploads import copy_of
from adapter.ui.url_state import connect_url
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
    with gr.Blocks(
        title="3D Domain Adapter", analytics_enabled=False, fill_width=True, delete_cache=(600, _CACHE_SECONDS)
    ) as blocks:
        page = Page(settings, sessions)
        page.layout()
        page.connect(blocks)
    page.visitors.keep_swept()
    return blocks.queue(max_size=_WAITING_VISITORS, default_concurrency_limit=4)


class Page:
    """All tabs, and what goes on between them. Made inside of Blocks: `layout`, then `connect`."""

    def __init__(self, settings: Settings, sessions: Sessions) -> None:
        self.settings, self.visitors = settings, Visitors(sessions, JobQueue(), copy_of)
        self.user_domains = gr.State([])
        self.create = CreateTab(settings, self.visitors)
        self.explore = ExploreTab(settings, self.visitors, self.user_domains)
        self.library = LibraryTab(settings, self.visitors, self.user_domains, self.explore)

    def layout(self) -> None:
        """Make the components."""
        self.token, self.pulse = gr.Textbox("", visible=False), gr.Timer(_PULSE_SECONDS)
        gr.HTML(html.HEADER, apply_default_css=False)
        with gr.Tabs(elem_id="tabs") as self.tabs:
            with gr.Tab("Create", id="create"):
                self.create.layout()
            with gr.Tab("Explore", id="explore") as self.explore_tab:
                self.explore.layout()
            with gr.Tab("Library", id="library"):
                self.library.layout()
            with gr.Tab("About", id="about"):
                about_tab(self.settings)
        gr.HTML(html.FOOTER, apply_default_css=False)

    def connect(self, blocks: gr.Blocks) -> None:
        """Connect the components, the page's address, and the endpoints for programs."""
        create, kept = self.create, self.user_domains
        create.connect()
        self.explore.connect(self.explore_tab)
        self.library.connect(self.tabs)
        at_once: dict[str, Any] = {"queue": False, **QUIET}
        offering = [*self.explore.choosing, self.library.mine, self.library.to_push]
        following = list(dict.fromkeys([*create.changing, kept, *offering]))
        restored = list(
            dict.fromkeys([*following, *create.inputs.restored, *create.advanced.components, create.advanced.estimate])
        )
        blocks.load(None, js=KEEP_STILL, api_visibility="private")
        blocks.load(self.attach, self.token, restored, js=OPEN, **at_once)
        create.clock.tick(self.follow, [create.shown, kept], following, **at_once)
        self.pulse.tick(self.live_on, None, None, **at_once)
        opened = create.results.open_in_explore.click(
            self.open_result,
            [create.results.made, create.results.snapshot, kept],
            [kept, self.tabs, create.note, *self.explore.choosing],
            **at_once,
        )
        for changed in (opened, *self.library.changed):
            changed.then(self.offer, kept, offering, **at_once)
        connect_url(self.settings, blocks, self.tabs, create.inputs, self.explore)
        connect_api(self.settings, self.visitors)
        blocks.unload(self.leave)

    @report_errors("")
    def attach(self, token: str, request: gr.Request) -> Outputs:
        """Show what the visitor of this browser has, when the page opens or opens again."""
        visitor = self.visitors.attach(request.session_hash or "", token)
        kept = [entry for entry in visitor.domains if entry.path is not None and entry.path.is_file()]
        job = visitor.job
        if job is not None and job.outcome is not None and not job.outcome.is_there:
            job = visitor.job = None
        shown = {} if job is None else self.create.show(job)
        if visitor.values and "prompt" not in dict(request.query_params):
            shown = {**self.create.restore(visitor.values, request), **shown}
        return self._with_domains(shown, kept, request)

    @report_errors("")
    def follow(self, shown: str, kept: list[Entry], request: gr.Request) -> Outputs:
        """Show what is new about the visitor's job, and offer its result everywhere."""
        news = self.create.follow(shown, request)
        return self._with_domains(news, kept, request) if self.create.results.made in news else news

    def live_on(self, request: gr.Request) -> None:
        """The page is still open, even if Gradio's own connection to it was cut."""
        self.visitors.of(request.session_hash or "")

    def offer(self, kept: list[Entry], request: gr.Request) -> Outputs:
        """Offer the visitor's own domains wherever they can be chosen."""
        self.visitors.of(request.session_hash or "").domains = kept
        return {**self.explore.choose(kept), **self.library.show(kept)}

    @report_errors("")
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

    def problem(self, sentence: str) -> Outputs:
        """Show a sentence in Create."""
        return self.create.problem(sentence)

    def leave(self, request: gr.Request) -> None:
        """A page was closed or lost its connection: what belongs to its visitor goes some minutes later."""
        self.visitors.leave(request.session_hash or "")

    def _with_domains(self, shown: Outputs, kept: list[Entry], request: gr.Request) -> Outputs:
        made = shown.get(self.create.results.made)
        entry = entry_of(made) if isinstance(made, Made) else None
        kept = kept if entry is None else added(kept, entry)
        return {**shown, self.user_domains: kept, **self.offer(kept, request)}


def serving(settings: Settings) -> dict[str, Any]:
    """Arguments for ``launch``: private by default, nothing recorded, nothing fetched from elsewhere."""
    return {
        "server_name": settings.host,
        "server_port": settings.port,
        "theme": theme(),
        "css_paths": STYLE,
        "favicon_path": ICON,
        "max_file_size": "25mb",
        "footer_links": [],
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
        "share": False,
        "show_error": False,
        "mcp_server": importlib.util.find_spec("mcp") is not None,
    }

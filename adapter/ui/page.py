"""The page: title, tabs, footer, and how it is served."""

import importlib.util
from typing import Any

import gradio as gr

from adapter.hub.library import Entry
from adapter.service.job_queue import JobQueue
from adapter.service.sessions import Sessions
from adapter.service.settings import Settings
from adapter.ui import html
from adapter.ui.api import connect_api
from adapter.ui.handlers import QUIET, Outputs
from adapter.ui.tabs.about import about_tab
from adapter.ui.tabs.create import CreateTab
from adapter.ui.tabs.explore import ExploreTab
from adapter.ui.tabs.library import LibraryTab
from adapter.ui.tabs.results import Made, entry_of
from adapter.ui.theme import ICON, STYLE, theme
from adapter.ui.url_state import connect_url
from adapter.ui.user_domains import added

_CACHE_SECONDS = 3600
_WAITING_VISITORS = 20


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
    return blocks.queue(max_size=_WAITING_VISITORS, default_concurrency_limit=4)


class Page:
    """All tabs, and what goes on between them. Made inside of Blocks: `layout`, then `connect`."""

    def __init__(self, settings: Settings, sessions: Sessions) -> None:
        self.settings, self.sessions, self.queue = settings, sessions, JobQueue()
        self.user_domains = gr.State([])
        self.create = CreateTab(settings, sessions, self.queue)
        self.explore = ExploreTab(settings, sessions, self.user_domains)
        self.library = LibraryTab(settings, sessions, self.user_domains, self.explore)

    def layout(self) -> None:
        """Make the components."""
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
        self.create.connect()
        self.explore.connect(self.explore_tab)
        self.library.connect(self.tabs)
        results, kept = self.create.results, self.user_domains
        at_once: dict[str, Any] = {"queue": False, **QUIET}
        finished = [done.then(self.keep, [results.made, kept], kept, **at_once) for done in self.create.finished]
        opened = results.open_in_explore.click(
            self.open_result,
            [results.made, results.snapshot, kept],
            [kept, self.tabs, *self.explore.choosing],
            **at_once,
        )
        offering = [*self.explore.choosing, self.library.mine, self.library.to_push]
        for changed in (*finished, opened, *self.library.changed):
            changed.then(self.offer, kept, offering, **at_once)
        connect_url(self.settings, blocks, self.tabs, self.create.inputs, self.explore)
        connect_api(self.settings, self.sessions, self.queue)
        blocks.unload(self.leave)

    def keep(self, made: Made | None, kept: list[Entry]) -> list[Entry]:
        """Add what Create made to the visitor's own domains."""
        entry = None if made is None else entry_of(made)
        return kept if entry is None else added(kept, entry)

    def offer(self, kept: list[Entry]) -> Outputs:
        """Offer the visitor's own domains wherever they can be chosen."""
        return {**self.explore.choose(kept), **self.library.show(kept)}

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

    def leave(self, request: gr.Request) -> None:
        """Remove what a visitor leaves behind."""
        session = request.session_hash or ""
        self.queue.remove_session(session)
        self.sessions.remove(session)


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

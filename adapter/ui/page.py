"""The page: title, tabs, footer, and how it is served."""

import importlib.util
import os
from typing import Any

import gradio as gr

from adapter.hub.library import Entry
from adapter.service.job_queue import JobQueue
from adapter.service.sessions import Sessions
from adapter.ui import html
from adapter.ui.api import connect_api
from adapter.ui.tabs.about import about_tab
from adapter.ui.tabs.create import create_tab
from adapter.ui.tabs.explore import explore_tab
from adapter.ui.tabs.inputs import QUIET, Outputs
from adapter.ui.tabs.library import library_tab
from adapter.ui.tabs.results import Made, entry_of
from adapter.ui.theme import ICON, STYLE, theme
from adapter.ui.url_state import connect_links
from adapter.ui.user_domains import added

_CACHE_SECONDS = 3600
_WAITING_VISITORS = 20
_QUEUE_LOOKS_SECONDS = 0.03


def build(sessions: Sessions) -> gr.Blocks:
    """The whole page; `serving` says how to launch it.

    Args:
        sessions: where visitors' files go.
    """
    line = JobQueue()
    with gr.Blocks(
        title="3D Domain Adapter", analytics_enabled=False, fill_width=True, delete_cache=(600, _CACHE_SECONDS)
    ) as page:
        shelf = gr.State([])
        gr.HTML(html.HEADER, apply_default_css=False)
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab("Create", id="create"):
                create = create_tab(sessions, line)
            with gr.Tab("Explore", id="explore") as exploring:
                explore = explore_tab(sessions, shelf, exploring)
            with gr.Tab("Library", id="library"):
                library = library_tab(sessions, shelf, tabs, explore)
            with gr.Tab("About", id="about"):
                about_tab()
        gr.HTML(html.FOOTER, apply_default_css=False)

        def keep(made: Made | None, kept: list[Entry]) -> list[Entry]:
            """What Create made goes to the visitor's own domains."""
            entry = None if made is None else entry_of(made)
            return kept if entry is None else added(kept, entry)

        def spread(kept: list[Entry]) -> Outputs:
            """The visitor's own domains, wherever they can be chosen."""
            return {**explore.choose(kept), **library.show(kept)}

        def open_made(made: Made | None, place: int, kept: list[Entry]) -> Outputs:
            """Go from a result to Explore."""
            entry = None if made is None else entry_of(made, place)
            if entry is None:
                return {tabs: gr.skip()}
            kept = added(kept, entry)
            return {shelf: kept, tabs: gr.Tabs(selected="explore"), **explore.choose(kept, entry)}

        result = create.results
        spreading = [*explore.choosing, library.mine, library.to_push]
        filled = [done.then(keep, [result.made, shelf], shelf, queue=False, **QUIET) for done in create.finished]
        opened = result.open_in_explore.click(
            open_made, [result.made, result.step, shelf], [shelf, tabs, *explore.choosing], queue=False, **QUIET
        )
        for changed in (*filled, opened, *library.changed):
            changed.then(spread, shelf, spreading, queue=False, **QUIET)
        connect_links(page, tabs, create, explore)
        connect_api(sessions, line)

        def leave(request: gr.Request) -> None:
            session = request.session_hash or ""
            line.leave_all(session)
            sessions.remove(session)

        page.unload(leave)
    page.queue(max_size=_WAITING_VISITORS, default_concurrency_limit=4)
    # By default the queue wakes a thousand times a second, each time taking a core from a job that computes on all.
    page._queue.sleep_when_free = page._queue.progress_update_sleep_when_free = _QUEUE_LOOKS_SECONDS
    return page


def serving() -> dict[str, Any]:
    """Arguments for ``launch``: private by default, nothing recorded, nothing fetched from elsewhere."""
    on_space = "SPACE_ID" in os.environ
    return {
        "server_name": os.environ.get("GRADIO_SERVER_NAME", "0.0.0.0" if on_space else "127.0.0.1"),
        "server_port": int(os.environ.get("GRADIO_SERVER_PORT", "7860")),
        "theme": theme(),
        "css_paths": STYLE,
        "favicon_path": ICON,
        "max_file_size": "10mb",
        "footer_links": [],
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
        "share": False,
        "show_error": False,
        "mcp_server": importlib.util.find_spec("mcp") is not None,
    }

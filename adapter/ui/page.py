"""The page: title, tabs, footer, and how it is served."""

import os
from typing import Any

import gradio as gr

from adapter.service.line import Line
from adapter.service.sessions import Sessions
from adapter.ui import fragments
from adapter.ui.create import create_tab
from adapter.ui.theme import ICON, STYLE, theme

_CACHE_SECONDS = 3600
_WAITING_VISITORS = 20


def build(sessions: Sessions) -> gr.Blocks:
    """The whole page; `serving` says how to launch it.

    Args:
        sessions: where visitors' files go.
    """
    line = Line()
    with gr.Blocks(
        title="3D Domain Adapter", analytics_enabled=False, fill_width=True, delete_cache=(600, _CACHE_SECONDS)
    ) as page:
        gr.HTML(fragments.HEADER, apply_default_css=False)
        create_tab(sessions, line)
        gr.HTML(fragments.FOOTER, apply_default_css=False)

        def leave(request: gr.Request) -> None:
            session = request.session_hash or ""
            line.leave_all(session)
            sessions.remove(session)

        page.unload(leave)
    page.queue(max_size=_WAITING_VISITORS, default_concurrency_limit=4)
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
    }

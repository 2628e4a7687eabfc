"""Videos and sheets that a tab makes in their turn, while it tells how far they are."""

from collections.abc import Callable, Generator
from typing import Any

import gradio as gr

from adapter.service.jobs import render_file
from adapter.service.person_requests import PersonRequest
from adapter.service.requests import ExploreRequest, Update
from adapter.service.shape_requests import WalkRequest
from adapter.service.time_left import FILM_SECONDS
from adapter.ui import html
from adapter.ui.handlers import Outputs

FilmRequest = ExploreRequest | PersonRequest | WalkRequest


def make_film(
    tab: Any, kind: str, request: gr.Request, wanted: Callable[[str], FilmRequest]
) -> Generator[Outputs, None, str]:
    """Make a file, and tell in the tab's ``status`` how far it is; returns its path.

    Args:
        tab: has ``visitors``, and components ``status`` and ``note``.
        kind: what is made, see `html.MAKING`.
        request: of the page.
        wanted: from the folder of the job to its request.
    """
    title, films, page, file = html.MAKING[kind], tab.visitors.films, request.session_hash or "", ""
    yield {tab.status: html.progress(Update(title)), tab.note: ""}
    folder = str(tab.visitors.new_job(page))
    try:
        asked = wanted(folder)
        films.enqueue(folder, tab.visitors.of(page).key, FILM_SECONDS)
        for place in films.wait(folder):
            yield {tab.status: html.waiting(place)}
        for update in render_file(asked):
            file = update.file
            if not file and update.step % 4 == 0:
                shown = Update(title, update.step, update.total, None, update.fraction)
                yield {tab.status: html.progress(shown)}
    except Exception:
        yield {tab.status: ""}
        raise
    finally:
        films.remove(folder)
    return file

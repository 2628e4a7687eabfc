"""What the event handlers of all tabs share."""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from gradio.context import LocalContext

from adapter.service.failures import explain
from adapter.service.settings import Settings
from adapter.ui import html
from adapter.ui.uploads import uploads_among

Outputs = dict[Any, Any]
"""What a handler returns: new values by component."""
Values = Mapping[Any, Any]
"""What a handler gets: present values by component."""
Handler = Callable[..., Any]

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
EXPLORING: dict[str, Any] = {"concurrency_limit": 2, "concurrency_id": "explore"}
CLICK_INDEX = """
element.addEventListener('click', event => {
  const button = event.target.closest('button[data-index]');
  if (!button) return;
  for (const other of element.querySelectorAll('button[aria-pressed]'))
    other.setAttribute('aria-pressed', String(other === button));
  trigger('select', {index: Number(button.dataset.index)});
});
"""


def report_errors(component: str = "note") -> Callable[[Handler], Handler]:
    """Decorate a handler, a method of a tab, so that no error leaves it; uploads among its arguments are written down.

    The visitor gets the sentence of `adapter.service.failures.explain`, and the page scrolls to it. It goes to the
    tab's method ``problem(sentence)``, which returns outputs, if ``component`` is empty.

    Args:
        component: attribute of the tab, the HTML component that shows the sentence.
    """

    def problem(tab: Any, error: Exception) -> Any:
        sentence = explain(error)
        return {getattr(tab, component): html.notice(sentence, "problem")} if component else tab.problem(sentence)

    def decorate(handler: Handler) -> Handler:
        @functools.wraps(handler)
        def once(tab: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                _remember_uploads(tab, args)
                return handler(tab, *args, **kwargs)
            except Exception as error:
                return problem(tab, error)

        @functools.wraps(handler)
        def stream(tab: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
            try:
                _remember_uploads(tab, args)
                yield from handler(tab, *args, **kwargs)
            except Exception as error:
                yield problem(tab, error)

        return stream if inspect.isgeneratorfunction(handler) else once

    return decorate


def _remember_uploads(tab: Any, values: Sequence[Any]) -> None:
    """Write down which visitor the uploads among an event's values belong to, so that they go with the visitor."""
    visitors, request = getattr(tab, "visitors", None), LocalContext.request.get(None)
    if visitors is not None and request is not None:
        found = uploads_among(values)
        visitors.of(request.session_hash or "").uploads.update(found)


def running_base(settings: Settings) -> dict[str, Any]:
    """The base and library that run here, as arguments of every request."""
    return {"base": settings.base, "library": str(settings.library)}

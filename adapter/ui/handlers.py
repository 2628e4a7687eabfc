"""What the event handlers of all tabs share."""

import functools
import inspect
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import gradio as gr

from adapter.service.failures import explain
from adapter.service.library import require_base
from adapter.service.settings import Settings
from adapter.ui import html

Outputs = dict[Any, Any]
"""What a handler returns: new values by component."""
Values = Mapping[Any, Any]
"""What a handler gets: present values by component."""
Handler = Callable[..., Any]

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
AT_ONCE: dict[str, Any] = {"queue": False, **QUIET}
"""For what answers within seconds. An answer of Gradio's queue may come late: its stream ends with the last event, and
one that joins while the browser has not noticed that yet waits until another event opens the stream again."""
EXPLORING: dict[str, Any] = {"concurrency_limit": 2, "concurrency_id": "explore"}
FILMING: dict[str, Any] = {"concurrency_limit": 12, "concurrency_id": "films"}
"""Films take turns in `Visitors.films`."""
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
    """Decorate a handler, a method of a tab, so that its errors become the sentences of `failures.explain`.

    Every listener of the page is decorated.

    Args:
        component: attribute of the tab, such as "note" or "create.note": the HTML component, among the listener's
            outputs, that shows the sentence, and to which the page scrolls. If empty, a `gr.Error` is raised, which
            the page shows above everything and programs get as their error.
    """

    def problem(tab: Any, error: Exception) -> Outputs:
        sentence = explain(error)
        if not component:
            raise gr.Error(sentence, print_exception=False) from error
        return {operator.attrgetter(component)(tab): html.notice(sentence, "problem")}

    def decorate(handler: Handler) -> Handler:
        @functools.wraps(handler)
        def once(tab: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                return handler(tab, *args, **kwargs)
            except Exception as error:
                return problem(tab, error)

        @functools.wraps(handler)
        def stream(tab: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
            try:
                yield from handler(tab, *args, **kwargs)
            except Exception as error:
                yield problem(tab, error)

        wrapper = stream if inspect.isgeneratorfunction(handler) else once
        vars(wrapper)["problem"] = problem  # by which a test knows decorated handlers
        return wrapper

    return decorate


def running_base(settings: Settings) -> dict[str, Any]:
    """The base and library that run here, as arguments of every request.

    Raises:
        UserError: the base is still being fetched.
    """
    require_base(settings)
    return {"base": settings.base, "library": str(settings.library)}

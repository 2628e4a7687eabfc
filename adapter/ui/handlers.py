"""What the event handlers of all tabs share."""

import functools
import inspect
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from adapter.errors import UserError
from adapter.service.settings import Settings
from adapter.ui import html

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
UNEXPECTED = "Something broke here that should not. Try again in a minute."

_LOG = logging.getLogger(__name__)


def report_errors(component: str = "note") -> Callable[[Handler], Handler]:
    """Decorate a handler, a method of a tab, so that no error leaves it.

    The visitor gets the sentence of a `UserError`. Any other error goes to the log, and the visitor gets `UNEXPECTED`.
    The sentence goes to the tab's method ``problem(sentence)``, which returns outputs, if ``component`` is empty.

    Args:
        component: attribute of the tab, the HTML component that shows the sentence.
    """

    def problem(tab: Any, error: Exception) -> Any:
        sentence = _sentence(error)
        return {getattr(tab, component): html.notice(sentence, "problem")} if component else tab.problem(sentence)

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

        return stream if inspect.isgeneratorfunction(handler) else once

    return decorate


def running_base(settings: Settings) -> dict[str, Any]:
    """The base and library that run here, as arguments of every request."""
    return {"base": settings.base, "library": str(settings.library)}


def _sentence(error: Exception) -> str:
    if isinstance(error, UserError):
        return str(error)
    _LOG.error("A handler of the page failed", exc_info=error)
    return UNEXPECTED

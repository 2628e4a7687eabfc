"""One page for each base: the switch between them, and links that lead to the page of a domain's base."""

import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import gradio as gr

from adapter.errors import UserError
from adapter.hub.library import Entry
from adapter.service import library
from adapter.service.settings import Settings

_PATH = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
TO_START = "() => location.replace('./' + location.search)"
"""JavaScript that leads from the first base's name to its page."""
_TO_BASE = """
() => {
  const page = PAGES[new URLSearchParams(location.search).get('domain')];
  if (page) location.replace(page + location.search);
}
"""


@dataclass(frozen=True)
class BasePages:
    """The pages of all bases. All of them lie side by side, so that links work behind a path, too.

    Args:
        start: settings that the app was started with; its base has the first page.
        entries: the bases that visitors can choose.
    """

    start: Settings
    entries: tuple[Entry, ...]

    @classmethod
    def of(cls, settings: Settings) -> "BasePages":
        """The pages of every base that is here."""
        return cls(settings, library.bases(settings))

    @property
    def others(self) -> Iterator[tuple[Entry, Settings]]:
        """Every base but the first page's, with the settings of its page."""
        for entry in self.entries:
            if entry.name != self.start.base:
                yield entry, library.with_base(self.start, entry.name)

    @property
    def first_name(self) -> str:
        """A path that leads to the first page by its base's name; empty where it needs none or the name is no path."""
        return self.start.base if len(self.entries) > 1 and _PATH.fullmatch(self.start.base) else ""

    def link(self, base: str) -> str:
        """Where the page of a base is, seen from any of them."""
        return "./" if base == self.start.base else f"./{base}"

    def lead_to(self, entry: Entry) -> str:
        """A sentence with a link to where a ready domain of another base can be explored.

        Raises:
            UserError: its base is not here.
        """
        link = f"{self.link(library.base_of(entry, self.start))}?domain={entry.name}"
        return (
            f'<p class="notice note" role="status">{html.escape(entry.title)} belongs to the base '
            f'{html.escape(entry.base)}. <a href="{html.escape(link)}">Open it there</a></p>'
        )

    def switch(self, base: str) -> str:
        """Links to all bases, the present one marked; nothing where there is only one."""
        if len(self.entries) < 2:
            return ""
        links = (_link(entry, self.link(entry.name), entry.name == base) for entry in self.entries)
        return f'<nav class="bases" aria-label="Base"><span>Base</span>{"".join(links)}</nav>'

    def redirect(self, base: str) -> str:
        """JavaScript that leaves the page of a base if the address names a domain of another."""
        pages = {}
        for entry in library.ready_domains(self.start):
            try:
                home = library.base_of(entry, self.start)
            except UserError:
                continue
            if home != base:
                pages[entry.name] = self.link(home)
        return _TO_BASE.replace("PAGES", json.dumps(pages))


def turn_to(blocks: gr.Blocks, path: str, title: str) -> None:
    """What is made next inside of Blocks stands on another page.

    `gr.Blocks.route` does the same, but for every page the context is left, and the whole server made anew.
    """
    blocks.pages.append((path, title, False))
    blocks.current_page = path


def _link(entry: Entry, address: str, is_here: bool) -> str:
    mark = ' aria-current="page"' if is_here else ""
    return f'<a href="{address}" title="{html.escape(entry.note)}"{mark}>{html.escape(entry.title)}</a>'

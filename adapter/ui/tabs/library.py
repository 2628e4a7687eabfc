"""The Library tab: ready domains, the visitor's own, and the public ones on the Hub."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from huggingface_hub import get_token

from adapter.errors import UserError
from adapter.hub.library import Entry
from adapter.service.library import accept, ready_domains, usable_domains
from adapter.service.settings import Settings
from adapter.service.visitors import Visitors
from adapter.ui import html
from adapter.ui.bases import BasePages
from adapter.ui.handlers import AT_ONCE, CLICK_INDEX, QUIET, Outputs, report_errors
from adapter.ui.tabs.explore import ExploreTab
from adapter.ui.upload_file import UploadFile
from adapter.ui.user_domains import added

HUB: dict[str, Any] = {"concurrency_limit": 2, "concurrency_id": "hub"}
THIS_BASE, EVERY_BASE = "For the running base", "Everything"
_CARDS: dict[str, Any] = {"js_on_load": CLICK_INDEX, "apply_default_css": False}
_UPLOAD_HINT = (
    '<p class="hint">A .safetensors file that Adapt made, for the base that runs here. It is checked '
    "before anything is done with it, and stays in your session.</p>"
)


class LibraryTab:
    """The Library tab. Made inside of its Tab: `layout`, then `connect`.

    Args:
        settings: name the base and the library.
        visitors: where uploads are kept.
        user_domains: state of the visitor's own domains.
        explore: the tab that domains are opened in.
        pages: of the other bases.
    """

    def __init__(
        self,
        settings: Settings,
        visitors: Visitors,
        user_domains: gr.State,
        explore: ExploreTab,
        pages: BasePages,
    ) -> None:
        self.settings, self.visitors, self.pages = settings, visitors, pages
        self.user_domains, self.explore = user_domains, explore

    def layout(self) -> None:
        """Make the components."""
        with gr.Row(elem_classes="columns"):
            with gr.Column(scale=8, min_width=320, elem_classes="card"):
                self._layout_cards()
            with gr.Column(scale=5, min_width=320, elem_classes="card"):
                gr.HTML(html.heading("Bring a domain"))
                self.upload = UploadFile(
                    file_types=[".safetensors"], show_label=False, height=130, elem_id="upload-domain", buttons=[]
                )
                gr.HTML(_UPLOAD_HINT)
                self._layout_hub()

    def _layout_cards(self) -> None:
        entries = self._search("", THIS_BASE)
        self.found = gr.State(entries)
        gr.HTML(html.heading("Ready to open"))
        with gr.Row(elem_classes="filters"):
            self.search = gr.Textbox(
                label="Search", placeholder="bronze", max_length=60, elem_id="search", min_width=140
            )
            self.which = gr.Radio(
                [THIS_BASE, EVERY_BASE], value=THIS_BASE, label="Show", elem_id="which", min_width=220
            )
        self.ready = gr.HTML(html.domains(entries, action="Explore"), elem_id="library", **_CARDS)
        gr.HTML(html.heading("Yours"))
        self.mine = gr.HTML(html.NOTHING_OWN, elem_id="mine", **_CARDS)
        self.note = gr.HTML(elem_id="library-note", apply_default_css=False)

    def _layout_hub(self) -> None:
        self.listed = gr.State(())
        gr.HTML(html.heading("On the Hub"))
        self.list_button = gr.Button("List public domains", size="md", elem_id="list-hub")
        self.public = gr.HTML(elem_id="public", **_CARDS)
        with gr.Accordion("Share one of yours", open=False, elem_classes="inner", elem_id="share"):
            self.to_push = gr.Dropdown([], label="Domain", elem_id="to-push")
            self.repo = gr.Textbox(label="Repository", placeholder="my-name/my-domain", max_length=96, elem_id="repo")
            self.private = gr.Checkbox(False, label="Only I may see it")
            if self.settings.has_login:
                gr.LoginButton(size="md")
            self.push = gr.Button("Share", size="md", elem_id="push")
            self.pushed = gr.HTML(elem_id="pushed", apply_default_css=False)

    def connect(self, tabs: gr.Tabs) -> None:
        """Connect the components; `changed` are the events after which the visitor's own domains may be others.

        Args:
            tabs: of the page, so that Explore can be opened.
        """
        self.tabs = tabs
        kept = self.user_domains
        opening = [kept, self.note, *self.explore.choosing, tabs]
        for changed in (self.search.change, self.which.change):
            changed(self.narrow, [self.search, self.which], [self.found, self.ready], **AT_ONCE)
        self.ready.select(self.open_ready, [self.found, kept], opening, **AT_ONCE)
        self.mine.select(self.open_own, kept, opening, **AT_ONCE)
        received = self.upload.upload(self.receive, [self.upload, kept], [self.note, kept, self.upload], **AT_ONCE)
        listing = self.list_button.click(self.say_listing, None, [self.public], **AT_ONCE)
        listing.then(self.list_public, None, [self.listed, self.public], **HUB, **QUIET)
        fetched = self.public.select(self.open_public, [self.listed, kept], opening, **HUB, **QUIET)
        sharing = [self.to_push, self.repo, self.private, kept]
        self.push.click(self.share, sharing, self.pushed, show_progress="minimal", api_visibility="private", **HUB)
        self.changed = (received, fetched)

    def show(self, kept: Sequence[Entry]) -> Outputs:
        """Show the visitor's own domains."""
        names = [(entry.title, entry.name) for entry in reversed(kept)]
        cards = html.domains(list(kept), action="Explore") if kept else html.NOTHING_OWN
        return {self.mine: cards, self.to_push: gr.Dropdown(names, value=names[0][1] if names else None)}

    @report_errors("ready")
    def narrow(self, text: str, base: str) -> Outputs:
        """Show the ready domains that fit a search."""
        entries = self._search(text or "", base)
        shown = html.domains(entries, action="Explore") if entries else html.NOTHING_FOUND
        return {self.found: entries, self.ready: shown}

    @report_errors()
    def open_ready(self, entries: Sequence[Entry], kept: list[Entry], event: gr.EventData) -> Outputs:
        """Go to Explore with a ready domain."""
        entry = entries[int(event.index)]
        if entry not in usable_domains(self.settings):
            return {self.note: self.pages.lead_to(entry)}
        return self._open(kept, entry, own=False)

    @report_errors()
    def open_own(self, kept: list[Entry], event: gr.EventData) -> Outputs:
        """Go to Explore with one of the visitor's domains."""
        return self._open(kept, kept[int(event.index)])

    @report_errors()
    def receive(self, path: str | None, kept: list[Entry], request: gr.Request) -> Outputs:
        """Check an upload and keep it."""
        return {self.note: ""} if path is None else {**self._receive(path, kept, request), self.upload: None}

    @report_errors("public")
    def say_listing(self) -> Outputs:
        """Tell that the Hub is asked."""
        return {self.public: html.LISTING}

    @report_errors("public")
    def list_public(self) -> Outputs:
        """List what others have shared."""
        from adapter.hub.share import find_domains  # loads torch

        shared = find_domains()
        return {self.listed: tuple(shared), self.public: html.shared(shared) if shared else html.NOTHING_SHARED}

    @report_errors()
    def open_public(
        self, shared: Sequence[Any], kept: list[Entry], request: gr.Request, event: gr.EventData
    ) -> Outputs:
        """Fetch a public domain, check it, and go to Explore with it."""
        from adapter.hub.share import fetch_domain

        chosen = shared[int(event.index)]
        path = fetch_domain(chosen.repo_id, chosen.revision)
        entry = accept(path, self._folder(request), self.settings, chosen.title)
        kept = added(kept, entry)
        return {self.user_domains: kept, **self._open(kept, entry)}

    @report_errors("pushed")
    def share(
        self, name: str | None, repo: str, private: bool, kept: list[Entry], token: gr.OAuthToken | None
    ) -> Outputs:
        """Put one of the visitor's domains on the Hub."""
        from adapter.hub.share import push_domain

        entry = next((entry for entry in kept if entry.name == name), None)
        if entry is None or entry.path is None:
            raise UserError("Choose one of your domains first; make one in Create, or upload one.")
        if not repo.strip():
            raise UserError("Name the repository it should go to, as in my-name/my-domain.")
        address = push_domain(
            entry.path,
            repo.strip(),
            token.token if token is not None else self._own_token(),
            title=entry.title,
            private=private,
            preview=entry.preview if entry.preview and Path(entry.preview).is_file() else None,
        )
        return {self.pushed: html.notice(f"Shared: {address}")}

    @report_errors()
    def _receive(self, path: str, kept: list[Entry], request: gr.Request) -> Outputs:
        entry = accept(path, self._folder(request), self.settings)
        said = html.notice(f"{entry.title} is yours to explore now. {entry.note}")
        return {self.note: said, self.user_domains: added(kept, entry)}

    def _open(self, kept: list[Entry], entry: Entry, own: bool = True) -> Outputs:
        return {self.note: "", self.tabs: gr.Tabs(selected="explore"), **self.explore.choose(kept, entry, own)}

    def _search(self, text: str, which: str) -> tuple[Entry, ...]:
        wanted = text.strip().lower()
        entries = ready_domains(self.settings) if which == EVERY_BASE else usable_domains(self.settings)
        return tuple(
            entry for entry in entries if wanted in f"{entry.title} {entry.name} {entry.note} {entry.base}".lower()
        )

    def _folder(self, request: gr.Request) -> Path:
        return self.visitors.folder(request.session_hash or "")

    def _own_token(self) -> str | None:
        """The login of the machine's owner, unless the machine is a Space, which everybody visits."""
        return None if self.settings.space else get_token()

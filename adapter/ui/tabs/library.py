"""The Library tab: ready domains, the visitor's own, and the public ones on the Hub."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from huggingface_hub import get_token

from adapter.errors import UserError
from adapter.hub.library import Entry
from adapter.methods.offers import BASE
from adapter.service.library import accept, ready_domains
from adapter.service.sessions import Sessions
from adapter.ui import html
from adapter.ui.tabs.explore import Explore
from adapter.ui.tabs.inputs import CLICK_INDEX, QUIET, Outputs
from adapter.ui.user_domains import added

HUB = {"concurrency_limit": 2, "concurrency_id": "hub"}
THIS_BASE, EVERY_BASE = "For the running base", "Everything"


@dataclass(frozen=True)
class Library:
    """What other tabs need of this one."""

    mine: gr.HTML
    to_push: gr.Dropdown
    changed: tuple[Any, ...]

    def show(self, shelf: Sequence[Entry]) -> Outputs:
        """The visitor's own domains."""
        names = [(entry.title, entry.name) for entry in reversed(shelf)]
        cards = html.domains(list(shelf), action="Explore") if shelf else html.NOTHING_OWN
        return {self.mine: cards, self.to_push: gr.Dropdown(names, value=names[0][1] if names else None)}


def library_tab(sessions: Sessions, shelf: gr.State, tabs: gr.Tabs, explore: Explore) -> Library:
    """Lay the tab out inside the current Tab and connect it."""
    found, listed = gr.State(_filtered("", THIS_BASE)), gr.State(())
    with gr.Row(elem_classes="columns"):
        with gr.Column(scale=8, min_width=320, elem_classes="card"):
            gr.HTML(html.heading("Ready to open"))
            with gr.Row(elem_classes="filters"):
                search = gr.Textbox(
                    label="Search", placeholder="bronze", max_length=60, elem_id="search", min_width=140
                )
                which = gr.Radio([THIS_BASE, EVERY_BASE], value=THIS_BASE, label="Show", elem_id="which", min_width=220)
            ready = gr.HTML(
                html.domains(_filtered("", THIS_BASE), action="Explore"),
                js_on_load=CLICK_INDEX,
                apply_default_css=False,
                elem_id="library",
            )
            gr.HTML(html.heading("Yours"))
            mine = gr.HTML(html.NOTHING_OWN, js_on_load=CLICK_INDEX, apply_default_css=False, elem_id="mine")
            note = gr.HTML(elem_id="library-note", apply_default_css=False)
        with gr.Column(scale=5, min_width=320, elem_classes="card"):
            gr.HTML(html.heading("Bring a domain"))
            upload = gr.File(
                file_types=[".safetensors"], show_label=False, height=130, elem_id="upload-domain", buttons=[]
            )
            gr.HTML(
                '<p class="hint">A .safetensors file that Adapt made, for the base that runs here. It is checked '
                "before anything is done with it, and stays in your session.</p>"
            )
            gr.HTML(html.heading("On the Hub"))
            look = gr.Button("List public domains", size="md", elem_id="list-hub")
            public = gr.HTML(js_on_load=CLICK_INDEX, apply_default_css=False, elem_id="public")
            with gr.Accordion("Share one of yours", open=False, elem_classes="inner", elem_id="share"):
                to_push = gr.Dropdown([], label="Domain", elem_id="to-push")
                repo = gr.Textbox(label="Repository", placeholder="my-name/my-domain", max_length=96, elem_id="repo")
                private = gr.Checkbox(False, label="Only I may see it")
                if _has_login():
                    gr.LoginButton(size="md")
                push = gr.Button("Share", size="md", elem_id="push")
                pushed = gr.HTML(elem_id="pushed", apply_default_css=False)

    opening = [shelf, note, *explore.choosing, tabs]

    def narrow(text: str, base: str) -> Outputs:
        """The ready domains that fit."""
        entries = _filtered(text or "", base)
        shown = html.domains(entries, action="Explore") if entries else html.NOTHING_FOUND
        return {found: entries, ready: shown}

    def open_ready(entries: Sequence[Entry], kept: list[Entry], event: gr.EventData) -> Outputs:
        """Go to Explore with a ready domain."""
        entry = entries[int(event.index)]
        if entry.base != BASE:
            said = f"{entry.title} belongs to the base {entry.base}, and {BASE} runs here. Set BASE to change that."
            return {note: html.notice(said, "problem")}
        return {note: "", tabs: gr.Tabs(selected="explore"), **explore.choose(kept, entry, own=False)}

    def open_mine(kept: list[Entry], event: gr.EventData) -> Outputs:
        """Go to Explore with one of the visitor's domains."""
        return {note: "", tabs: gr.Tabs(selected="explore"), **explore.choose(kept, kept[int(event.index)])}

    def receive(path: str | None, kept: list[Entry], request: gr.Request) -> Outputs:
        """Check an upload and keep it."""
        if path is None:
            return {note: ""}
        try:
            entry = accept(path, sessions.folder(request.session_hash or ""))
        except UserError as error:
            return {note: html.notice(str(error), "problem"), upload: None}
        said = f"{entry.title} is yours to explore now. {entry.note}"
        return {note: html.notice(said), shelf: added(kept, entry), upload: None}

    def list_public() -> Outputs:
        """What others have shared."""
        from adapter.hub.share import find_domains  # loads torch

        try:
            shared = find_domains()
        except UserError as error:
            return {listed: (), public: html.notice(str(error), "problem")}
        return {listed: tuple(shared), public: html.shared(shared) if shared else html.NOTHING_SHARED}

    def open_public(shared: Sequence[Any], kept: list[Entry], request: gr.Request, event: gr.EventData) -> Outputs:
        """Fetch a public domain, check it, and go to Explore with it."""
        from adapter.hub.share import fetch_domain

        chosen = shared[int(event.index)]
        try:
            path = fetch_domain(chosen.repo_id, chosen.revision)
            entry = accept(path, sessions.folder(request.session_hash or ""), chosen.title)
        except UserError as error:
            return {note: html.notice(str(error), "problem")}
        kept = added(kept, entry)
        return {shelf: kept, note: "", tabs: gr.Tabs(selected="explore"), **explore.choose(kept, entry)}

    def share(name: str | None, where: str, hidden: bool, kept: list[Entry], token: gr.OAuthToken | None) -> str:
        """Put one of the visitor's domains on the Hub."""
        from adapter.hub.share import push_domain

        try:
            entry = next((entry for entry in kept if entry.name == name), None)
            if entry is None or entry.path is None:
                raise UserError("Choose one of your domains first; make one in Create, or upload one.")
            if not where.strip():
                raise UserError("Name the repository it should go to, as in my-name/my-domain.")
            address = push_domain(
                entry.path,
                where.strip(),
                token.token if token is not None else _own_token(),
                title=entry.title,
                private=hidden,
                preview=entry.preview if entry.preview and Path(entry.preview).is_file() else None,
            )
        except UserError as error:
            return html.notice(str(error), "problem")
        return html.notice(f"Shared: {address}")

    for changed in (search.change, which.change):
        changed(narrow, [search, which], [found, ready], queue=False, **QUIET)
    ready.select(open_ready, [found, shelf], opening, **QUIET)
    mine.select(open_mine, shelf, opening, queue=False, **QUIET)
    received = upload.upload(receive, [upload, shelf], [note, shelf, upload], **QUIET)
    look.click(lambda: html.LISTING, None, public, queue=False, **QUIET).then(
        list_public, None, [listed, public], **HUB, **QUIET
    )
    fetched = public.select(open_public, [listed, shelf], opening, **HUB, **QUIET)
    push.click(share, [to_push, repo, private, shelf], pushed, show_progress="minimal", api_visibility="private", **HUB)
    return Library(mine, to_push, (received, fetched))


def _filtered(text: str, which: str) -> tuple[Entry, ...]:
    wanted = text.strip().lower()
    return tuple(
        entry
        for entry in ready_domains()
        if (which == EVERY_BASE or entry.base == BASE)
        and wanted in f"{entry.title} {entry.name} {entry.note} {entry.base}".lower()
    )


def _has_login() -> bool:
    """Whether visitors can log in: on a Space with OAuth; locally the login of the machine's owner counts."""
    return "SPACE_ID" in os.environ and "OAUTH_CLIENT_ID" in os.environ


def _own_token() -> str | None:
    return None if "SPACE_ID" in os.environ else get_token()

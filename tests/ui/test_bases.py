"""A page for each base: its own domains and links, side by side with the others."""

import re
import socket
import urllib.request

import gradio as gr
import pytest
from huggingface_hub import constants

from adapter.errors import UserError
from adapter.methods.offers import page_presets
from adapter.service import library
from adapter.service.sessions import Sessions
from adapter.service.settings import Settings
from adapter.ui.bases import BasePages
from adapter.ui.page import build, serving


@pytest.fixture(scope="module")
def here():
    """Two bases: the first page's, and one that needs a GPU."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library, "has_gpu", lambda: True)
        patch.setattr(constants, "HF_HUB_OFFLINE", False)
        bases = library.bases

        def few(settings: Settings):
            return tuple(entry for entry in bases(settings) if entry.name in ("heads", "ffhq512"))

        patch.setattr(library, "bases", few)
        yield Settings(base="heads")


@pytest.fixture(scope="module")
def pages(here) -> BasePages:
    return BasePages.of(here)


@pytest.fixture(scope="module")
def blocks(here, tmp_path_factory) -> gr.Blocks:
    return build(here, Sessions(tmp_path_factory.mktemp("sessions")))


def test_the_switch_marks_the_present_base(pages):
    links = re.findall(r'<a href="([^"]*)"[^>]*?( aria-current="page")?>([^<]*)</a>', pages.switch("ffhq512"))
    assert links == [("./", "", "Heads"), ("./ffhq512", ' aria-current="page"', "FFHQ 512")]
    assert BasePages(pages.start, pages.entries[:1]).switch("heads") == ""


def test_every_base_has_a_page_with_all_tabs(blocks):
    config = blocks.config
    assert [page for page, _, _ in config["pages"]] == ["", "ffhq512", "heads"]
    places = {page: content["components"] for page, content in config["page"].items()}
    by_id = {component["id"]: component for component in config["components"]}

    def ids(page: str) -> set[str]:
        return {by_id[number]["props"].get("elem_id") for number in places[page]}

    assert {"adapt", "world", "library", "reconstruct"} <= ids("") & ids("ffhq512")

    def worlds(page: str) -> set[str]:
        (world,) = (by_id[number] for number in places[page] if by_id[number]["props"].get("elem_id") == "world")
        return {value for _, value in world["props"]["choices"]}

    assert "bronze" in worlds("")
    assert "datid3d-elf" not in worlds("")
    assert "datid3d-elf" in worlds("ffhq512")
    assert "bronze" not in worlds("ffhq512")


def test_endpoints_are_declared_once(blocks):
    assert not any("_1" in name for name in blocks.get_api_info()["named_endpoints"])


def test_the_pages_are_served_side_by_side(blocks, here):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    blocks.launch(**{**serving(here), "server_port": port}, prevent_thread_lock=True, quiet=True)
    try:
        for path in ("", "ffhq512", "heads"):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}") as answer:
                assert f'"current_page":"{path}"' in answer.read().decode().replace(" ", "")
    finally:
        blocks.close()


def test_links_lead_to_the_base_of_their_domain(pages):
    assert '"datid3d-elf": "./ffhq512"' in pages.redirect("heads")
    assert '"bronze"' not in pages.redirect("heads")
    assert '"bronze": "./"' in pages.redirect("ffhq512")
    assert "datid3d-fox" not in pages.redirect("heads"), "its base is not here"
    elf, fox = (library.find(name, pages.start) for name in ("datid3d-elf", "datid3d-fox"))
    assert 'href="./ffhq512?domain=datid3d-elf"' in pages.lead_to(elf)
    with pytest.raises(UserError, match="afhqcats512, which is not here"):
        pages.lead_to(fox)


def test_a_base_without_a_usable_name_needs_no_path(here, tmp_path):
    own = BasePages.of(here.model_copy(update={"base": str(tmp_path)}))
    assert own.first_name == ""
    assert own.link(str(tmp_path)) == "./"
    assert own.link("heads") == "./heads"


def test_presets_follow_the_clip_of_the_base(blocks):
    """What the page of a base offers is what its CLIP's family has."""
    by_id = {component["id"]: component["props"] for component in blocks.config["components"]}

    def offered(page: str) -> list[str]:
        numbers = blocks.config["page"][page]["components"]
        (preset,) = (by_id[number] for number in numbers if by_id[number].get("elem_id") == "preset")
        return [value for _, value in preset["choices"]]

    assert offered("") == list(page_presets("3d-adapter", "clip-heads"))
    assert offered("ffhq512") == list(page_presets("3d-adapter", "ViT-B-32"))
    assert offered("") != offered("ffhq512")

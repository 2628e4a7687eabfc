"""Which pipelines can be had, and what is said where one cannot."""

import json
import shutil
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import torch
from huggingface_hub import constants

from adapter.diffusion.models import INDEX, available, check_prompt, load_pipeline
from adapter.errors import UserError

ANSWERS = {
    "good": (200, {}, {"id": "a/good", "siblings": [{"rfilename": INDEX}]}),
    "other": (200, {}, {"id": "a/other", "siblings": [{"rfilename": "config.json"}]}),
    "gated": (403, {"X-Error-Code": "GatedRepo"}, {}),
    "none": (404, {"X-Error-Code": "RepoNotFound"}, {}),
    "down": (500, {}, {}),
}


class Hub(BaseHTTPRequestHandler):
    """Answers questions about models."""

    def do_GET(self) -> None:
        status, headers, body = ANSWERS[self.path.split("?")[0].rsplit("/", 1)[1]]
        text = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(text)), "Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(monkeypatch):
    server = HTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    yield
    server.shutdown()
    server.server_close()


def test_a_folder_with_a_pipeline_is_there(folder, tmp_path) -> None:
    assert available(folder) == (True, "")
    found, reason = available(tmp_path)
    assert not found
    assert INDEX in reason


@pytest.mark.parametrize(
    ("name", "says"), [("gated", "gated"), ("none", "no model"), ("other", "not a diffusers"), ("down", "reached")]
)
def test_what_the_hub_says_is_passed_on(hub, name: str, says: str) -> None:
    found, reason = available(f"a/{name}")
    assert not found
    assert says in reason
    with pytest.raises(UserError, match=says):
        load_pipeline(f"a/{name}")


def test_a_good_repository_is_there(hub) -> None:
    assert available("a/good") == (True, "")


def test_offline_and_unreachable_say_so(monkeypatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "offline" in available("a/b")[1]
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    found, reason = available("a/b")
    assert not found
    assert "cannot be reached" in reason


def test_loads_from_disk_with_the_weights_that_were_saved(folder, pipeline) -> None:
    from safetensors.torch import load_file

    saved = load_file(next((folder / "unet").glob("*.safetensors")))
    loaded = pipeline.unet.state_dict()
    assert saved.keys() == loaded.keys()
    assert all(torch.equal(saved[name], loaded[name]) for name in saved)
    assert "Img2Img" in type(pipeline).__name__


def test_pickled_weights_are_refused(folder, tmp_path) -> None:
    copy = tmp_path / "pickled"
    shutil.copytree(folder, copy)
    weights = next((copy / "unet").glob("*.safetensors"))
    torch.save({}, weights.with_suffix(".bin"))
    weights.unlink()
    with pytest.raises(UserError, match="safetensors"):
        load_pipeline(copy)


def test_damaged_folders_are_a_sentence(folder, tmp_path) -> None:
    copy = tmp_path / "damaged"
    shutil.copytree(folder, copy)
    (copy / INDEX).write_text("{")
    with pytest.raises(UserError, match="damaged"):
        load_pipeline(copy)


def test_long_and_empty_prompts_are_told(pipeline) -> None:
    check_prompt(pipeline, "a bronze statue")
    with pytest.raises(UserError, match="empty"):
        check_prompt(pipeline, " ")
    with pytest.raises(UserError, match="too long"):
        check_prompt(pipeline, "a statue of " * 10)

"""Proxies, homes and outputs that libraries cannot use are set right before these are loaded."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from adapter.utils.environment import use_caches, use_proxies

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("proxy", ["socks5://user:secret@proxy:1080", "socks4://proxy:1", "ftp://proxy"])
def test_proxies_that_cannot_be_used_are_named_and_dropped(proxy: str):
    environment = {"all_proxy": proxy, "HTTP_PROXY": "http://proxy:3128"}
    lines = use_proxies(environment)
    assert len(lines) == 1
    assert "secret" not in lines[0]
    assert "all_proxy" not in environment
    assert environment["HTTP_PROXY"] == "http://proxy:3128"


def test_the_machine_itself_is_reached_directly(monkeypatch: pytest.MonkeyPatch):
    environment = {
        "HTTP_PROXY": "http://proxy:3128",
        "no_proxy": "corp.example, [::1],fe80::/10, *.local,10.0.0.0/8",
        "GRADIO_SERVER_NAME": "192.0.2.7",
    }
    assert use_proxies(environment) == []
    assert environment["no_proxy"] == "corp.example,*.local,10.0.0.0/8,localhost,127.0.0.1,::1,0.0.0.0,192.0.2.7"
    for name in ("HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, environment[name])
    httpx.Client().close()


def test_caches_go_elsewhere_if_the_home_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    home = tmp_path / "file"
    home.touch()
    monkeypatch.setenv("HOME", str(home))
    environment = {"HOME": str(home)}
    lines = use_caches(environment)
    assert [line.split(" cannot")[0] for line in lines] == [f"{home}/.cache", f"{home}/.cache/huggingface"]
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MPLCONFIGDIR", "HF_HOME"):
        folder = Path(environment[name])
        folder.mkdir(parents=True, exist_ok=True)
        assert folder.stat().st_mode & 0o022 == 0


def test_a_home_that_can_be_written_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    environment = {"HOME": str(tmp_path), "USER": "somebody"}
    assert use_caches(environment) == []
    assert environment == {"HOME": str(tmp_path), "USER": "somebody"}


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_output_replaces_letters_that_its_encoding_lacks(encoding: str):
    code = "from adapter.utils.environment import use_any_letters; use_any_letters(); print('Stil: 青铜 – ok')"
    environment = {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"Stil: ??")

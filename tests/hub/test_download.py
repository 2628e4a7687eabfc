"""Downloads against a real server: resumed, checked, converted once, and failures said in a sentence."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants

from adapter.eg3d import Eg3d
from adapter.errors import UserError
from adapter.hub.download import Remote, download, fetch, reachable, ready
from adapter.hub.library import Entry, load_library

ROOT = Path(__file__).parents[2]
CONTENT = bytes(range(256)) * 4000
OID = hashlib.sha256(CONTENT).hexdigest()
FILE = Entry("thing", "Thing", "domain", "CC0-1.0", repo="alice/things", file="thing.safetensors")
PINNED = replace(FILE, sha256=OID)


def refusal(call, *said: str) -> str:
    with pytest.raises(UserError) as caught:
        call()
    text = str(caught.value)
    assert text[0].isupper() or text.startswith("cars.pkl")
    assert text.endswith(".")
    assert "http_get" not in text
    assert "Traceback" not in text
    for part in said:
        assert part in text
    return text


@pytest.fixture
def things(hub):
    return hub.add("alice/things", {"thing.safetensors": CONTENT})


def test_a_file_arrives_whole_and_is_not_asked_for_again(hub, things, remote):
    told = []
    path = fetch(PINNED, lambda share, text: told.append((share, text)), remote)
    assert path.read_bytes() == CONTENT
    assert told[0] == (0.0, "Asking the Hub for Thing")
    assert told[-1] == (1.0, "Downloading Thing: 1 MB of 1 MB")
    assert [share for share, _ in told] == sorted(share for share, _ in told)
    asked = len(hub.requests)
    assert fetch(PINNED, None, remote) == path
    assert len(hub.requests) == asked


def test_the_token_goes_to_the_hub_and_not_to_the_storage(hub, things, remote):
    download(FILE, None, replace(remote, token="hf_alice"))
    assert any(headers.get("authorization") == "Bearer hf_alice" for _, _, headers in hub.requests)
    assert hub.transfers
    assert not any("authorization" in headers for _, _, headers in hub.transfers)


def test_a_cut_is_resumed_where_it_happened(hub, things, remote):
    hub.cuts[OID] = [300_000, 100_000]
    shares = []
    path = download(PINNED, lambda share, text: shares.append(share), remote)
    assert path.read_bytes() == CONTENT
    firsts = [first for _, first, _ in hub.transfers]
    assert firsts[0] == 0
    assert firsts == sorted(set(firsts))
    assert len(firsts) == 3
    assert firsts[-1] > 0
    assert shares == sorted(shares)


def test_a_line_that_never_recovers(hub, things, remote):
    hub.cuts[OID] = [1000] + [0] * 20
    refusal(lambda: download(PINNED, None, remote), "Thing", "Check the connection")
    assert left_over(remote) == []
    hub.cuts.clear()
    assert download(PINNED, None, remote).read_bytes() == CONTENT


def test_half_a_file_on_the_server(hub, things, remote):
    hub.stored[OID] = CONTENT[:5000]
    refusal(lambda: download(FILE, None, remote), "broke off")
    assert left_over(remote) == []


def test_a_file_of_another_hash_is_thrown_away(hub, things, remote):
    hub.stored[OID] = CONTENT[::-1]
    refusal(lambda: download(PINNED, None, remote), "SHA-256", "thrown away")
    assert left_over(remote) == []
    del hub.stored[OID]
    assert download(PINNED, None, remote).read_bytes() == CONTENT


def test_a_cached_file_that_was_tampered_with_is_thrown_away(hub, things, remote):
    path = download(PINNED, None, remote)
    path.resolve().write_bytes(b"something else")
    refusal(lambda: download(PINNED, None, remote), "SHA-256")
    assert download(PINNED, None, remote).read_bytes() == CONTENT


def test_faults_of_the_hub_that_pass(hub, things, remote):
    hub.statuses.extend([503, 500])
    assert download(FILE, None, remote).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("status", "said"), [(500, "answered 500"), (503, "answered 503"), (429, "too many requests"), (403, "Log in")]
)
def test_faults_of_the_hub_that_stay(hub, things, remote, status: int, said: str):
    hub.statuses.extend([status] * 40)
    refusal(lambda: download(FILE, None, remote), said)


def test_gated_missing_and_private(hub, things, remote):
    things.gated = True
    refusal(lambda: download(FILE, None, remote), "gated", f"{hub.url}/alice/things", "log in")
    assert download(FILE, None, replace(remote, token="hf_bob")).read_bytes() == CONTENT
    refusal(lambda: download(replace(FILE, repo="alice/nothing"), None, remote), "was not found", "alice/nothing")
    hub.add("alice/secret", {"thing.safetensors": CONTENT}, private=True)
    secret = replace(FILE, repo="alice/secret")
    refusal(lambda: download(secret, None, replace(remote, token="hf_bob")), "private")
    assert download(secret, None, replace(remote, token="hf_alice")).read_bytes() == CONTENT


def test_missing_files_and_revisions(hub, things, remote):
    refusal(lambda: download(replace(FILE, file="other.safetensors"), None, remote), "not in", "any more")
    refusal(lambda: download(replace(FILE, revision="v9"), None, remote), "version")
    refusal(lambda: download(replace(FILE, repo="not a name"), None, remote), "OWNER/NAME")


def test_a_pinned_revision_is_what_is_asked_for(hub, things, remote):
    pinned = replace(FILE, revision=things.revision)
    path = download(pinned, None, remote)
    assert any(f"/resolve/{things.revision}/" in target for _, target, _ in hub.requests)
    things.files["thing.safetensors"] = b"a newer one"
    asked = len(hub.requests)
    assert download(pinned, None, remote) == path
    assert len(hub.requests) == asked


def test_an_unpinned_file_is_renewed_where_the_hub_is_there(hub, things, remote):
    assert download(FILE, None, remote).read_bytes() == CONTENT
    things.files["thing.safetensors"] = b"a newer one"
    assert download(FILE, None, remote).read_bytes() == b"a newer one"


def test_without_a_connection(hub, things, remote, tmp_path: Path):
    """Nothing listens on port 9; what was fetched before still works, the rest is refused at once."""
    path = download(FILE, None, remote)
    away = replace(remote, endpoint="http://127.0.0.1:9")
    assert not reachable(away)
    assert download(FILE, None, away) == path
    began = time.monotonic()
    refusal(lambda: download(FILE, None, replace(away, cache=tmp_path / "other")), "Check the connection")
    assert time.monotonic() - began < 60, "it tried again"


def test_with_the_hub_switched_off(hub, things, remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = download(FILE, None, remote)
    asked = len(hub.requests)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert download(FILE, None, remote) == path
    refusal(lambda: download(FILE, None, replace(remote, cache=tmp_path / "other")), "HF_HUB_OFFLINE")
    assert len(hub.requests) == asked


def test_the_usual_variables_of_huggingface_hub_count(hub, things, tmp_path: Path):
    """HF_ENDPOINT and HF_HOME are read when huggingface_hub is imported, so this needs a process of its own."""
    code = f"""
from adapter.hub.download import download
from adapter.hub.library import Entry
print(download(Entry("thing", "Thing", "domain", "CC0", repo="{FILE.repo}", file="{FILE.file}")))
"""
    environment = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_XET": "1"}
    environment.pop("HF_HUB_OFFLINE", None)
    run = [sys.executable, "-c", code]
    online = subprocess.run(run, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    path = Path(online.stdout.strip())
    assert path.read_bytes() == CONTENT
    assert tmp_path / "home" in path.parents
    offline = {**environment, "HF_HUB_OFFLINE": "1"}
    again = subprocess.run(run, cwd=ROOT, env=offline, capture_output=True, text=True, check=True)
    assert again.stdout == online.stdout


def test_too_large_files_are_refused_before_they_are_transferred(hub, things, remote):
    refusal(lambda: download(FILE, None, remote, max_bytes=1000), "1 MB", "1 kB")
    assert hub.transfers == []
    download(FILE, None, remote)
    refusal(lambda: download(FILE, None, remote, max_bytes=1000), "1 MB")


def test_a_full_disk_is_noticed_before_the_transfer(hub, things, remote, monkeypatch: pytest.MonkeyPatch):
    usage = shutil.disk_usage("/")._replace(free=100 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    refusal(lambda: download(FILE, None, remote), "105 MB left", "HF_HOME")
    assert hub.transfers == []


def test_a_disk_that_fills_up_during_the_transfer(hub, things, remote):
    """A process that may not write more than 64 KiB into any file meets the same error in the same place."""
    code = f"""
import resource, signal
from pathlib import Path
from adapter.errors import UserError
from adapter.hub.download import Remote, download
from adapter.hub.library import Entry
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
entry = Entry("thing", "Thing", "domain", "CC0", repo="{FILE.repo}", file="{FILE.file}")
try:
    download(entry, None, Remote("{hub.url}", Path({str(remote.cache)!r}), False))
except UserError as error:
    print(error)
"""
    environment = {**os.environ, "HF_HUB_DISABLE_XET": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("HF_HUB_OFFLINE", None)
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert run.stdout.startswith("The disk is too full for Thing."), run.stderr
    assert left_over(remote) == []


def test_a_killed_download_leaves_nothing_that_is_taken_for_the_file(hub, things, remote):
    hub.cuts[OID] = [0] * 50
    stop = threading.Event()
    code = f"""
from pathlib import Path
from adapter.hub.download import Remote, download
from adapter.hub.library import Entry
entry = Entry("thing", "Thing", "domain", "CC0", repo="{FILE.repo}", file="{FILE.file}")
download(entry, lambda share, text: print(text, flush=True), Remote("{hub.url}", Path({str(remote.cache)!r}), False))
"""
    environment = {**os.environ, "HF_HUB_DISABLE_XET": "1"}
    environment.pop("HF_HUB_OFFLINE", None)
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=environment, stdout=subprocess.PIPE)
    process.stdout.readline()
    while not hub.transfers and not stop.wait(0.02):
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    hub.cuts.clear()
    assert ready(FILE, remote) is None
    assert download(FILE, None, remote).read_bytes() == CONTENT


def test_what_a_killed_download_left_is_removed_and_what_is_arriving_is_not(hub, things, remote):
    blobs = remote.cache / "models--{}".format(FILE.repo.replace("/", "--")) / "blobs"
    blobs.mkdir(parents=True)
    left, arriving = blobs / "a.1.incomplete", blobs / "b.2.incomplete"
    for file in (left, arriving):
        file.write_bytes(bytes(5000))
    os.utime(left, (1, 1))
    assert download(FILE, None, remote).read_bytes() == CONTENT
    assert not left.exists()
    assert arriving.exists()


def left_over(remote: Remote) -> list[Path]:
    return [path for path in remote.cache.rglob("*") if path.is_file() and path.stat().st_size > 1000]


@pytest.fixture(scope="module")
def official(tmp_path_factory, write_official, generator) -> bytes:
    return write_official(tmp_path_factory.mktemp("official") / "cars.pkl", generator).read_bytes()


BASE = Entry("cars", "Cars", "base", "non-commercial", repo="alice/bases", file="folder/cars.pkl", encoder="clip-heads")


@pytest.mark.parametrize("known", [True, False], ids=["known hash", "unknown hash"])
def test_a_pickled_base_is_converted_once(hub, remote, official: bytes, generator, known: bool):
    hub.add("alice/bases", {"folder/cars.pkl": official}, kind="space")
    entry = replace(BASE, repo_type="space", sha256=hashlib.sha256(official).hexdigest() if known else None)
    assert ready(entry, remote) is None
    told = []
    folder = fetch(entry, lambda share, text: told.append((share, text)), remote)
    loaded = Eg3d.from_pretrained(folder)
    assert all(torch.equal(value, generator.state_dict()[name]) for name, value in loaded.state_dict().items())
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert {"Downloading", "Checking", "Writing"} <= {text.split()[0] for _, text in told}

    asked, made = len(hub.requests), (folder / "model.safetensors").stat().st_mtime_ns
    assert ready(entry, remote) == fetch(entry, None, remote) == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == made
    assert len(hub.requests) == asked
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_a_base_that_is_no_official_file_is_refused_and_leaves_nothing(hub, remote):
    hub.add("alice/bases", {"folder/cars.pkl": b"\x80\x04cos\nsystem\n." * 100})
    refusal(lambda: fetch(BASE, None, remote), "cars.pkl")
    assert ready(BASE, remote) is None
    assert list(remote.converted.glob("*")) == []


def test_an_interrupted_conversion_is_done_again(hub, remote, official: bytes):
    hub.add("alice/bases", {"folder/cars.pkl": official})

    def interrupt(share: float, text: str) -> None:
        if text.startswith("Checking"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(BASE, interrupt, remote)
    assert ready(BASE, remote) is None
    assert list(remote.converted.glob("*")) == []
    assert (fetch(BASE, None, remote) / "config.json").is_file()


def test_a_base_in_safetensors_comes_with_its_settings(hub, remote, generator, tmp_path: Path):
    Eg3d(generator.config).save_pretrained(tmp_path / "base")
    hub.add("alice/plain", {path.name: path.read_bytes() for path in (tmp_path / "base").iterdir()})
    entry = replace(BASE, repo="alice/plain", file="model.safetensors")
    folder = fetch(entry, None, remote)
    assert Eg3d.from_pretrained(folder).config == generator.config
    assert ready(entry, remote) == folder


def test_embedded_entries_need_nothing(remote):
    heads = load_library().base("heads")
    assert fetch(heads, None, remote) == ready(heads, remote) == heads.path
    assert not remote.cache.exists()

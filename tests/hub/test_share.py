"""Domains go to the Hub with a card, are listed, and come back, over a real HTTP connection."""

import dataclasses
from pathlib import Path

import pytest
import torch
import yaml
from PIL import Image

from adapter.adaptation.domain import Domain, DomainMetadata
from adapter.errors import UserError
from adapter.hub import share
from adapter.hub.share import TAG, card, fetch_domain, find_domains, plain, push_domain

METADATA = DomainMetadata(
    base="heads",
    base_fingerprint="ab" * 32,
    method="3d-adapter",
    prompt='a "bronze" statue: old',
    settings={"stages": [{"steps": 3}]},
    seed=4,
    license="CC0-1.0",
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.safetensors"
    Domain({"decoder.net.0.weight": torch.full((8, 4), 0.5).half()}, METADATA).save(path)
    return path


def front(content: bytes) -> dict:
    return yaml.safe_load(content.decode().split("---")[1])


def refusal(call, *said: str) -> None:
    with pytest.raises(UserError) as caught:
        call()
    assert str(caught.value).endswith(".")
    for part in said:
        assert part in str(caught.value)


def test_push_list_and_fetch(hub, remote, file: Path, tmp_path: Path):
    picture = tmp_path / "shown.png"
    Image.new("RGB", (40, 20), "red").save(picture)
    url = push_domain(file, "alice/bronze", "hf_alice", title="Bronze\n[people]", preview=picture, remote=remote)
    assert url == f"{hub.url}/alice/bronze"
    repo = hub.repos["model", "alice/bronze"]
    assert sorted(repo.files) == ["README.md", "domain.safetensors", "preview.png"]
    assert repo.files["domain.safetensors"] == file.read_bytes()
    assert repo.files["preview.png"] == picture.read_bytes()
    assert not repo.private
    described = front(repo.files["README.md"])
    assert described["license"] == "cc0-1.0"
    assert described["title"] == "Bronze people"
    assert described["base_fingerprint"] == METADATA.base_fingerprint
    assert {TAG, "base-heads"} <= set(described["tags"])
    text = repo.files["README.md"].decode()
    for part in ("preview.png", 'a \\"bronze\\" statue: old', '"steps": 3', "load_domain('alice/bronze')"):
        assert part in text

    (found,) = find_domains(remote=remote)
    assert found == share.SharedDomain("bronze", "Bronze people", "alice/bronze", "heads", "CC0-1.0", repo.revision)
    path = fetch_domain(found.repo_id, found.revision, remote=remote)
    assert path.read_bytes() == file.read_bytes()
    assert Domain.load(path).metadata == METADATA


def test_a_bare_name_is_the_users_own_and_private_stays_private(hub, remote, file: Path):
    assert push_domain(file, "bronze", "hf_bob", private=True, remote=remote) == f"{hub.url}/bob/bronze"
    assert hub.repos["model", "bob/bronze"].private
    assert front(hub.repos["model", "bob/bronze"].files["README.md"])["title"] == "bronze"
    assert find_domains(remote=remote) == []
    refusal(lambda: fetch_domain("bob/bronze", remote=remote), "private")


def test_pushing_again_updates_and_other_repositories_are_left_alone(hub, remote, file: Path):
    push_domain(file, "alice/bronze", "hf_alice", title="One", remote=remote)
    push_domain(file, "alice/bronze", "hf_alice", title="Two", remote=remote)
    assert [found.title for found in find_domains(remote=remote)] == ["Two"]
    thesis = {"README.md": b"---\nlicense: mit\ntags: [thesis]\n---\nprecious"}
    hub.add("alice/thesis", thesis)
    refusal(lambda: push_domain(file, "alice/thesis", "hf_alice", remote=remote), "something else", "another name")
    assert hub.repos["model", "alice/thesis"].files == thesis


def test_logins_that_may_not(hub, remote, file: Path):
    refusal(lambda: push_domain(file, "alice/bronze", None, remote=remote), "Log in")
    refusal(lambda: push_domain(file, "alice/bronze", "hf_expired", remote=remote), "may not write", "alice/bronze")
    refusal(lambda: push_domain(file, "alice/bronze", "hf_bob", remote=remote), "may not write")
    refusal(lambda: push_domain(file, "bronze", "hf_expired", remote=remote), "may not write")
    assert hub.repos == {}


@pytest.mark.parametrize("name", ["", "two words", "a/b/c", "../up", "https://x.org/a", "a/" + "b" * 200, "a/b--c"])
def test_unusable_names(hub, remote, file: Path, name: str):
    refusal(lambda: push_domain(file, name, "hf_alice", remote=remote), "name")
    assert hub.requests == []


def test_unusable_files_are_not_pushed(hub, remote, file: Path, tmp_path: Path):
    other = tmp_path / "other.safetensors"
    other.write_bytes(file.read_bytes()[:-7])
    refusal(lambda: push_domain(other, "alice/bronze", "hf_alice", remote=remote), "other.safetensors")
    script = tmp_path / "picture.svg"
    script.write_text("<svg/>")
    for picture in (script, tmp_path / "none.png"):
        refusal(lambda p=picture: push_domain(file, "alice/b", "hf_alice", preview=p, remote=remote), "preview")
    assert hub.requests == []


def test_what_strangers_push_is_checked_when_it_is_fetched(hub, remote, file: Path, monkeypatch: pytest.MonkeyPatch):
    hub.add("mallory/pickle", {"domain.safetensors": b"\x80\x04cos\nsystem\n(S'true'\ntR." * 9})
    refusal(lambda: fetch_domain("mallory/pickle", remote=remote), "pickle")
    hub.add("mallory/empty", {"README.md": b"hello"})
    refusal(lambda: fetch_domain("mallory/empty", remote=remote), "not in")
    monkeypatch.setattr(share, "MAX_DOMAIN_BYTES", 100)
    hub.add("mallory/large", {"domain.safetensors": file.read_bytes()})
    refusal(lambda: fetch_domain("mallory/large", remote=remote), "accepted")


def test_cards_of_strangers_become_plain_text(hub, remote):
    text = '---\nlicense: mit\ntags: [3d-domain-adapter]\ntitle: "<script>alert(1)</script>\\n\\u202eevil"\n'
    hub.add("mallory/a", {"README.md": (text + "base: [not, text]\n---\n").encode()})
    hub.add(
        "mallory/b", {"README.md": b"---\nlicense: mit\ntags: [3d-domain-adapter]\ntitle: " + b"x" * 5000 + b"\n---\n"}
    )
    hub.add("mallory/c", {"README.md": b"---\nlicense: mit\ntags: [something-else]\n---\n"})
    first, second = find_domains(remote=remote)
    assert first.title == "scriptalert(1)/script evil"
    assert first.licence == "mit"
    assert len(second.title) == share.TITLE_LENGTH
    assert len(find_domains(limit=1, remote=remote)) == 1


def test_a_hub_that_is_away(hub, remote, file: Path):
    hub.statuses.extend([503] * 40)
    refusal(lambda: find_domains(remote=remote), "503")
    away = dataclasses.replace(remote, endpoint="http://127.0.0.1:9")
    refusal(lambda: find_domains(remote=away), "does not answer")
    refusal(lambda: push_domain(file, "alice/bronze", "hf_alice", remote=away), "does not answer")
    refusal(lambda: fetch_domain("alice/bronze", remote=away), "does not answer")


@pytest.mark.parametrize(
    "prompt",
    [
        "~" * 30,
        "a\n---\nlicense: mit\n---",
        "``` </code>",
        "Bär 熊",
    ],
)
def test_cards_stay_cards_whatever_the_prompt(prompt: str):
    metadata = dataclasses.replace(METADATA, prompt=prompt, license="NVIDIA, non-commercial")
    text = card(plain("T\n---"), "alice/one", metadata)
    described = yaml.safe_load(text.split("---")[1])
    assert described["license"] == "other"
    assert described["license_name"] == "nvidia-non-commercial"
    assert len([line for line in text.splitlines() if line.strip().startswith("~")]) == 2
    assert [line for line in text.splitlines() if line == "---"] == ["---", "---"]

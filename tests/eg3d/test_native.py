import json
import os
import shutil
import subprocess
import sys

import pytest

from adapter.eg3d.cpu import native
from adapter.utils.paths import ROOT


def checks(folder, **environment):
    run = subprocess.run(
        [sys.executable, "-m", "tests.eg3d.native_checks"],
        env=os.environ | {"XDG_CACHE_HOME": str(folder), **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(run.stdout)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_compiled_kernels_agree_with_pytorch_and_are_compiled_once(tmp_path):
    found = checks(tmp_path, COMPILE_KERNELS="yes")
    assert (found["before"], found["ready"], found["again"]) == (False, True, True)
    assert found["seconds again"] < 1
    assert max(found["16"], found["32"]) < 2e-4
    # A number that is none spoils its own ray alone, and a place that is none is read without harm.
    assert found["16 spoilt"] == found["32 spoilt"] == 1
    assert found["16 nowhere"]
    assert found["32 nowhere"]
    assert [path.suffix for path in (tmp_path / "domain-adapter").iterdir()] == [".so"]
    found = checks(tmp_path, COMPILE_KERNELS="yes", PATH="")
    assert found["ready"]
    assert found["32"] > 0


def test_without_a_compiler_pytorch_computes(tmp_path):
    found = checks(tmp_path, COMPILE_KERNELS="yes", PATH=str(tmp_path), CXX="no-such-compiler")
    assert not found["ready"]
    assert max(found["16"], found["32"]) < 2e-4


def test_nothing_is_compiled_where_it_is_not_wanted(tmp_path):
    assert not checks(tmp_path, COMPILE_KERNELS="no")["ready"]
    assert not any(tmp_path.rglob("*.so"))
    assert native.wanted({})
    assert native.wanted({"COMPILE_KERNELS": " "})
    assert not native.wanted({"COMPILE_KERNELS": "0"})


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="needs owners of files")
def test_a_file_that_others_can_write_is_not_loaded(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("COMPILE_KERNELS", "yes")
    path = native.library()
    path.parent.mkdir(mode=0o700)
    path.write_bytes(b"not a library")
    path.chmod(0o666)
    assert not native.load()
    assert path.is_file()
    path.chmod(0o600)
    assert not native.load()
    assert not path.exists()

"""What the Space is told about itself agrees with the requirements, the library and the files that are there."""

import ast
import importlib.metadata
import importlib.util
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import yaml
from huggingface_hub import SpaceHardware
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from adapter.encoders.models import HUB_MODELS
from adapter.hub.library import load_library
from adapter.service.settings import _VARIABLES
from adapter.utils.torchvision_compat import ensure_torchvision

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
TORCH_OF_ZEROGPU = SpecifierSet(">=2.8,<2.14")  # environment facts of September 2026
OAUTH_SCOPES = {"contribute-repos", "write-repos", "manage-repos", "read-repos"}
DEVELOPMENT_ONLY = {"adapter/training", "adapter/synthetic"}


@cache
def front() -> dict:
    start, text, _ = README.read_text(encoding="utf-8").split("---\n", 2)
    assert start == ""
    return yaml.safe_load(text)


@cache
def requirements() -> dict[str, Requirement]:
    lines = (ROOT / "requirements.txt").read_text().split("\n")
    listed = [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]
    return {canonicalize_name(requirement.name): requirement for requirement in listed}


def test_sdk_and_its_version():
    assert front()["sdk"] == "gradio"
    assert str(requirements()["gradio"].specifier) == f"=={front()['sdk_version']}"
    assert importlib.metadata.version("gradio") == front()["sdk_version"]


def test_the_python_of_the_space_can_run_every_requirement():
    version = front()["python_version"]
    assert isinstance(version, str), "unquoted, 3.10 would be read as 3.1"
    for name in requirements():
        wanted = importlib.metadata.metadata(name).get("Requires-Python")
        assert wanted is None or SpecifierSet(wanted).contains(version), f"{name} wants Python {wanted}"
    oldest = re.search(r'target-version = "py3(\d+)"', (ROOT / "pyproject.toml").read_text())
    assert int(version.split(".")[1]) >= int(oldest[1])


def test_requirements_are_what_is_installed():
    for name, requirement in requirements().items():
        installed = importlib.metadata.version(name).partition("+")[0]
        assert requirement.specifier.contains(installed), f"{requirement} but {installed} is installed"
    assert requirements()["torch"].specifier, "an open torch may pull in another build than torchvision's"
    needed = [Requirement(text) for text in importlib.metadata.requires("torchvision")]
    torch = next(requirement for requirement in needed if requirement.name == "torch")
    assert torch.specifier == requirements()["torch"].specifier
    assert TORCH_OF_ZEROGPU.contains(importlib.metadata.version("torch").partition("+")[0])


def test_requirements_name_no_other_place_to_install_from():
    for path in ROOT.glob("requirements*.txt"):
        assert not re.search(r"https?://|--(extra-)?index-url|--find-links|git\+", path.read_text()), path.name


def test_everything_that_is_imported_is_required():
    """Packages that only come along with others may stay away with their next version."""
    distributions = importlib.metadata.packages_distributions()
    for path in [ROOT / "app.py", *sorted((ROOT / "adapter").rglob("*.py"))]:
        if any(path.is_relative_to(ROOT / place) for place in DEVELOPMENT_ONLY):
            continue
        for name in imported(path) - set(sys.stdlib_module_names) - {"adapter"}:
            owners = {canonicalize_name(owner) for owner in distributions.get(name, [])}
            assert owners & set(requirements()), f"{path.relative_to(ROOT)} imports {name}, which is not required"


def test_everything_that_is_required_is_imported():
    """Or needed by what is imported, with the reason."""
    needed = {
        "transformers": "text encoders of diffusers' pipelines",
        "torchvision": "open_clip's preprocessing",
        "lpips": "its weights of the heads are read from its files",
        "ninja": "PyTorch's compiling of C++, which runs it as a program",
    }
    distributions = importlib.metadata.packages_distributions()
    names = set().union(*(imported(path) for path in [ROOT / "app.py", *(ROOT / "adapter").rglob("*.py")]))
    used = {canonicalize_name(owner) for name in names for owner in distributions.get(name, [])}
    assert set(requirements()) - used == set(needed) - used


def test_requirements_of_development_are_pinned():
    for path in ROOT.glob("requirements-*.txt"):
        lines = [line for line in path.read_text().split("\n") if line.strip() and not line.startswith("#")]
        loose = {line for line in lines if "==" not in line}
        assert loose <= {"gradio[mcp,oauth]"}, "pinned in requirements.txt"


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.partition(".")[0])
    return names


def test_files_that_it_names_are_there():
    assert (ROOT / front()["app_file"]).is_file()
    thumbnail = ROOT / front()["thumbnail"]
    assert thumbnail.is_file()
    assert thumbnail.suffix in (".jpg", ".png")
    assert thumbnail.stat().st_size < 1 << 20


def test_the_licence_is_that_of_the_code():
    assert front()["license"] == "apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text()[:200]


def test_hardware_and_looks():
    assert front()["suggested_hardware"] in {hardware.value for hardware in SpaceHardware}
    assert {front()["colorFrom"], front()["colorTo"]} <= COLOURS
    assert 10 < len(front()["short_description"]) <= 60
    assert len(front()["title"]) <= 40
    assert len(front()["emoji"]) == 1
    assert all(re.fullmatch(r"[a-z0-9-]+", tag) for tag in front()["tags"])
    assert len(set(front()["tags"])) == len(front()["tags"]) >= 3


def test_models_are_those_of_the_library():
    listed = load_library()
    remote = {entry.repo for entry in (*listed.bases, *listed.domains) if entry.repo and entry.repo_type == "model"}
    assert remote <= set(front()["models"])
    assert set(front()["models"]) - remote <= clip_repositories()


def test_what_is_preloaded_is_what_the_program_asks_for():
    """The weights of the library's CLIPs, by the name that open_clip asks for; and files that the library names."""
    ensure_torchvision()
    from open_clip.constants import HF_SAFE_WEIGHTS_NAME

    listed = load_library()
    used = {entry.encoder for entry in listed.bases} & set(HUB_MODELS)
    clips = {f"{clip_repository(name)} {HF_SAFE_WEIGHTS_NAME}" for name in used}
    # Spaces fetch from repositories of models only, and their newest revision unless a line says another.
    known = {f"{entry.repo} {entry.file}" for entry in (*listed.bases, *listed.domains) if entry.repo_type == "model"}
    preloaded = set(front()["preload_from_hub"])
    assert clips <= preloaded
    assert preloaded - clips <= known


def clip_repository(name: str) -> str:
    ensure_torchvision()
    from open_clip.pretrained import get_pretrained_cfg

    model = HUB_MODELS[name]
    return get_pretrained_cfg(model["model_name"], model["pretrained"])["hf_hub"].rstrip("/")


def clip_repositories() -> set[str]:
    return {clip_repository(name) for name in HUB_MODELS}


def test_logging_in_asks_for_as_little_as_pushing_needs():
    assert front()["hf_oauth"] is True
    scopes = set(front()["hf_oauth_scopes"])
    assert scopes <= OAUTH_SCOPES
    assert scopes == {"contribute-repos"}, "repositories of one's own making, and no others"


def test_packages_are_names_of_debian_packages():
    """The file is given to apt-get word by word: a comment would be taken for packages."""
    names = (ROOT / "packages.txt").read_text().split()
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", name) for name in names)
    assert len(set(names)) == len(names)


@pytest.mark.slow
def test_wheels_need_no_other_system_libraries():
    """Every shared library that the wheels want from the system comes from libc, gcc or packages.txt."""
    if sys.platform != "linux":
        pytest.skip("the Space is Linux")
    base = {"libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1", "libmvec.so.1", "libgcc_s.so.1"}
    base |= {"ld-linux-x86-64.so.2", "libutil.so.1", "linux-vdso.so.1"}
    packages = {"libstdc++.so.6": "libstdc++6", "libz.so.1": "zlib1g", "libgomp.so.1": "libgomp1"}
    listed = set((ROOT / "packages.txt").read_text().split())
    site = Path(importlib.metadata.distribution("gradio").locate_file(""))
    for package in ("cv2", "av", "PIL", "skimage", "safetensors", "tokenizers", "hf_xet", "yaml"):
        found = [str(path) for path in (site / package).rglob("*.so*")]
        lines = subprocess.run(["ldd", *found], capture_output=True, text=True).stdout.splitlines() if found else []
        for library in {line.split()[0] for line in lines if "=> /lib" in line or "=> /usr/lib" in line}:
            name = Path(library).name
            assert name in base or packages.get(name) in listed, f"{package} needs {name}"


def variables_of_the_table() -> set[str]:
    text = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    rows = text.partition("## Environment variables")[2].partition("\n## ")[0].splitlines()
    return {name for row in rows if row.startswith("| `") for name in re.findall(r"`([A-Z_]+)`", row.split("|")[1])}


OF_OTHERS = {
    "TMPDIR": "tempfile",
    "GRADIO_ROOT_PATH": "gradio.blocks",
    "HF_HUB_OFFLINE": "huggingface_hub.constants",
    "HF_ENDPOINT": "huggingface_hub.constants",
    "HF_TOKEN": "huggingface_hub.utils._auth",
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "adapter.utils.environment"),
}
"""Variables that only a library reads, by its module; proxies are read under any spelling."""


def test_documented_variables_are_read_and_read_ones_are_documented():
    own = "".join(path.read_text(encoding="utf-8") for path in [ROOT / "app.py", *(ROOT / "adapter").rglob("*.py")])
    documented = variables_of_the_table()
    assert len(documented) > 20
    for name in documented:
        text = own
        if name in OF_OTHERS:
            text = Path(importlib.util.find_spec(OF_OTHERS[name]).origin).read_text(encoding="utf-8")
        assert re.search(rf"""["']{name}["']""", text, re.IGNORECASE), f"nothing reads {name}"
    assert {name for names in _VARIABLES.values() for name in names} <= documented

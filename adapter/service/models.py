"""Generators and encoders, loaded once a process and never changed."""

import copy
import functools
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from adapter.adaptation import fingerprint
from adapter.adaptation.domain import keep_fingerprint
from adapter.eg3d import Generator, place
from adapter.eg3d.cpu import native
from adapter.encoders.encoder import ImageEncoder, load_clip
from adapter.encoders.lpips import Lpips, load_lpips
from adapter.encoders.text import TextEncoder
from adapter.encoders.vocabulary import Understanding, Vocabulary, load_vocabulary, understand
from adapter.hub.bases import load_base
from adapter.hub.library import catalog
from adapter.latents.wplus_encoder import Inverter, load_inverter
from adapter.media.crop import frame_face
from adapter.pipeline import DomainAdapter
from adapter.scene import DomainScene, Identities
from adapter.service.settings import Settings

Module = TypeVar("Module", bound=torch.nn.Module)


def device() -> torch.device:
    """Where jobs run: the GPU if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@functools.cache
def generator(base: str, library: str) -> Generator:
    """The base of that name on `device`.

    Args:
        base: of the library, a folder, or a repository on the Hub.
        library: path of the library file.

    Raises:
        UserError: no such base, or damaged files.
    """
    resting = resting_generator(base, library)
    if device().type == "cpu":
        native.load()
        return resting
    digest = fingerprint(resting)
    moved = place(copy.deepcopy(resting), device())
    # Weights that come back from a GPU to be hashed would take its time.
    keep_fingerprint(moved, digest)
    return moved


@functools.cache
def resting_generator(base: str, library: str) -> Generator:
    """The same on the CPU, for what happens outside of jobs: on ZeroGPU there is no GPU then."""
    return load_base(base, library=catalog(Path(library)))


@functools.cache
def encoder(name: str) -> ImageEncoder:
    """The CLIP image encoder of that name on `device`.

    Raises:
        UserError: no such encoder, or damaged files.
    """
    return _on_device(_resting_clip(name)[0])


@functools.cache
def text_encoder(name: str) -> TextEncoder:
    """The CLIP text encoder of that name on `device`.

    Raises:
        UserError: no such encoder, or damaged files.
    """
    return _on_device(_resting_clip(name)[1])


@functools.cache
def domain_adapter(base: str, encoder_name: str, library: str, text: bool, inverter: bool) -> DomainAdapter:
    """A base with its CLIP on `device`.

    Args:
        base, library: see `generator`.
        encoder_name: of the CLIP.
        text, inverter: whether the text encoder and the W+ encoder are needed.

    Raises:
        UserError: something is not there, damaged, or made for other weights of the base.
    """
    loaded, entry = generator(base, library), catalog(Path(library)).find(base)
    wplus = load_inverter(base, encoder) if inverter else None
    if isinstance(wplus, Inverter):
        wplus.check(fingerprint(loaded))
    return DomainAdapter(
        loaded,
        encoder(encoder_name),
        text_encoder(encoder_name) if text else None,
        None if wplus is None else wplus.to(device()),
        base,
        "" if entry is None else entry.licence,
        encoder_name,
    )


@functools.cache
def lpips() -> Lpips:
    """LPIPS on `device`."""
    return load_lpips().to(device())


def license_of(base: str, library: str) -> str:
    """License of a base, which everything made from it follows; empty for one that the library does not list."""
    entry = catalog(Path(library)).find(base)
    return "" if entry is None else entry.licence


def read_prompt(prompt: str, encoder_name: str) -> Understanding:
    """Read a prompt with the CLIP of that name, on the CPU.

    Raises:
        UserError: an empty or too long prompt.
    """
    return understand(prompt, *_reader(encoder_name))


def preload(settings: Settings) -> Generator:
    """Load what the first visitor will need, and return the base. Nothing is computed on a GPU.

    On ZeroGPU this is for the main thread, before the page is up: workers are forked, and find what is loaded by then.
    """
    frame_face(np.zeros((64, 64, 3), np.uint8))
    encoder(settings.encoder)
    text_encoder(settings.encoder)
    _reader(settings.encoder)
    domain_adapter(settings.base, settings.encoder, str(settings.library), text=True, inverter=True)
    return generator(settings.base, str(settings.library))


def warm_up(settings: Settings) -> None:
    """`preload`, and render once, so that memory and threads are in place."""
    people = Identities.draw(preload(settings), count=1, seed=0, truncation=1.0)
    DomainScene(people, people.generator.parts()).pairs()


@functools.cache
def _reader(name: str) -> tuple[TextEncoder, Vocabulary | None]:
    """A text encoder on the CPU, and the words that it knows; None for one that reads everything."""
    text = _resting_clip(name)[1]
    return text, load_vocabulary(name, text)


@functools.cache
def _resting_clip(name: str) -> tuple[ImageEncoder, TextEncoder]:
    """Both towers of a CLIP on the CPU."""
    return load_clip(name)


def _on_device(module: Module) -> Module:
    """The module itself where jobs run on the CPU, else a copy on the GPU."""
    return module if device().type == "cpu" else copy.deepcopy(module).to(device())

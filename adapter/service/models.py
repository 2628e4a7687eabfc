"""Generators and encoders, loaded once a process and never changed."""

import functools
from pathlib import Path

import numpy as np
import torch

from adapter.adaptation import fingerprint
from adapter.eg3d import Generator
from adapter.encoders.encoder import ImageEncoder, load_encoder, load_text_encoder
from adapter.encoders.text import TextEncoder
from adapter.encoders.vocabulary import Understanding, Vocabulary, load_vocabulary, understand
from adapter.hub.bases import load_base
from adapter.hub.library import catalog
from adapter.latents.wplus_encoder import Inverter, load_inverter
from adapter.media.crop import frame_face
from adapter.pipeline import DomainAdapter
from adapter.scene import DomainScene, Identities
from adapter.service.settings import Settings


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
    return _load(base, library).to(device())


@functools.cache
def resting_generator(base: str, library: str) -> Generator:
    """The same on the CPU, for what happens outside of jobs: on ZeroGPU there is no GPU then."""
    return generator(base, library) if device().type == "cpu" else _load(base, library)


@functools.cache
def encoder(name: str) -> ImageEncoder:
    """The CLIP image encoder of that name on `device`.

    Raises:
        UserError: no such encoder, or damaged files.
    """
    return load_encoder(name).to(device())


@functools.cache
def text_encoder(name: str) -> TextEncoder:
    """The CLIP text encoder of that name on `device`.

    Raises:
        UserError: no such encoder, or damaged files.
    """
    return load_text_encoder(name).to(device())


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
    loaded = generator(base, library)
    wplus = load_inverter(base, encoder) if inverter else None
    if isinstance(wplus, Inverter):
        wplus.check(fingerprint(loaded))
    return DomainAdapter(
        loaded,
        encoder(encoder_name),
        text_encoder(encoder_name) if text else None,
        None if wplus is None else wplus.to(device()),
        base,
        next((entry.licence for entry in catalog(Path(library)).bases if entry.name == base), ""),
        encoder_name,
    )


def read_prompt(prompt: str, encoder_name: str) -> Understanding:
    """Read a prompt with the CLIP of that name, on the CPU.

    Raises:
        UserError: an empty or too long prompt.
    """
    return understand(prompt, *_reader(encoder_name))


def warm_up(settings: Settings) -> None:
    """Load what the first visitor will need, and render once, so that memory and threads are in place."""
    frame_face(np.zeros((64, 64, 3), np.uint8))
    encoder(settings.encoder)
    _reader(settings.encoder)
    people = Identities.draw(generator(settings.base, str(settings.library)), count=1, seed=0, truncation=1.0)
    DomainScene(people, people.generator.parts()).pairs()


@functools.cache
def _reader(name: str) -> tuple[TextEncoder, Vocabulary | None]:
    """A text encoder on the CPU, and the words that it knows; None for one that reads everything."""
    text = text_encoder(name) if device().type == "cpu" else load_text_encoder(name)
    return text, load_vocabulary(name, text)


def _load(base: str, library: str) -> Generator:
    embedded = next((entry.path for entry in catalog(Path(library)).bases if entry.name == base), None)
    return load_base(str(embedded or base))

"""Generators and encoders, loaded once a process and never changed."""

import functools
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from adapter.adaptation import fingerprint
from adapter.eg3d import Eg3d
from adapter.encoders import style_examples
from adapter.encoders.encoder import ImageEncoder, load_encoder, load_text_encoder
from adapter.encoders.text import TextEncoder
from adapter.encoders.vocabulary import Understanding, Vocabulary, load_vocabulary, understand
from adapter.hub.bases import load_base
from adapter.latents.wplus_encoder import Inverter, load_inverter
from adapter.media.faces import find_head
from adapter.service.catalogue import catalogue


def device() -> torch.device:
    """Where jobs run: the GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@functools.cache
def generator(name: str) -> Eg3d:
    """The base of that name, on `device`.

    Raises:
        UserError: no such base, or damaged files.
    """
    return _base(name).to(device())


@functools.cache
def resting_generator(name: str) -> Eg3d:
    """The same on the CPU, for what happens outside of jobs: on ZeroGPU there is no GPU then.

    Raises:
        UserError: no such base, or damaged files.
    """
    return generator(name) if device().type == "cpu" else _base(name)


@functools.cache
def encoder(name: str) -> ImageEncoder:
    """The CLIP image encoder of that name, on `device`.

    Raises:
        UserError: no such encoder, or damaged files.
    """
    return load_encoder(name).to(device())


@functools.cache
def text_encoder(name: str) -> TextEncoder:
    """The CLIP text encoder of that name, on `device`.

    Raises:
        UserError: no such encoder, or damaged files.
    """
    return load_text_encoder(name).to(device())


@functools.cache
def reader(name: str) -> TextEncoder:
    """The same on the CPU, for reading prompts outside of jobs.

    Raises:
        UserError: no such encoder, or damaged files.
    """
    return text_encoder(name) if device().type == "cpu" else load_text_encoder(name)


@functools.cache
def inverter(base: str) -> Callable[[Tensor], Tensor] | None:
    """The W+ encoder of a base, on `device`; None where there is none, and losses that need it are left out.

    Raises:
        UserError: damaged files, or made for other weights of the base.
    """
    found = load_inverter(base, encoder)
    if isinstance(found, Inverter):
        found.check(fingerprint(generator(base)))
    return None if found is None else found.to(device())


@functools.cache
def vocabulary(name: str) -> Vocabulary | None:
    """The words that the CLIP of that name knows; None where it reads everything."""
    return load_vocabulary(name, reader(name))


def read_prompt(prompt: str, name: str) -> Understanding:
    """What the CLIP of that name makes of a prompt.

    Raises:
        UserError: an empty or too long prompt.
    """
    return understand(prompt, reader(name), vocabulary(name))


def _base(name: str) -> Eg3d:
    embedded = next((entry.path for entry in catalogue().bases if entry.name == name), None)
    return load_base(str(embedded or name))


def album_picture(prompt: str, name: str) -> np.ndarray | None:
    """The album's picture of what the CLIP of that name reads a prompt as, see `adapter.encoders.style_examples`."""
    return style_examples.picture_for(prompt, name, reader(name), vocabulary(name))


def licence(base: str) -> str:
    """Under which licence what is made from a base may be used; empty where nobody has said so."""
    return next((entry.licence for entry in catalogue().bases if entry.name == base), "")


def warm_up(base: str, encoder_name: str) -> None:
    """Load what the first visitor will need, and render once, so that memory and threads are in place."""
    from adapter.service.scene import DomainScene, Identities

    find_head(np.zeros((64, 64, 3), np.uint8))
    encoder(encoder_name)
    vocabulary(encoder_name)
    people = Identities.draw(generator(base), count=1, seed=0, truncation=1.0)
    DomainScene(people, people.generator.parts()).pairs()

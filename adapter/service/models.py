"""Generators and encoders, loaded once a process and never changed."""

import functools

import torch

from adapter.eg3d import Eg3d
from adapter.perception.encoder import ImageEncoder, load_encoder


def device() -> torch.device:
    """Where jobs run: the GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@functools.cache
def generator(name: str) -> Eg3d:
    """The base of that name, on `device`.

    Raises:
        UserError: no such base, or damaged files.
    """
    return Eg3d.from_pretrained(name).to(device())


@functools.cache
def encoder(name: str) -> ImageEncoder:
    """The CLIP image encoder of that name, on `device`.

    Raises:
        UserError: no such encoder, or damaged files.
    """
    return load_encoder(name).to(device())


def warm_up(base: str, encoder_name: str) -> None:
    """Load what the first visitor will need, and render once, so that memory and threads are in place."""
    from adapter.service.people import People

    encoder(encoder_name)
    people = People.draw(generator(base), count=1, seed=0)
    people.pairs(people.generator.parts())

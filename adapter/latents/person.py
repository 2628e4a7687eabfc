"""A person who was found in a portrait: a small file that opens in every world of its base."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from adapter import __version__
from adapter.adaptation.domain import fingerprint
from adapter.eg3d import Generator
from adapter.eg3d.planes import Planes
from adapter.errors import UserError
from adapter.utils.storage import read_tensors, write_tensors

FORMAT = "3d-adapter-person"
FORMAT_VERSION = 1
LARGEST_TENSOR = 1 << 24
"""Numbers in a tensor of a file at most; the largest residual, of a base of 512 px, has 6 million."""
LARGEST_VALUE = 1e4
WS, RESIDUAL = "ws", "residual"


@dataclass(frozen=True)
class Person:
    """A person of a base.

    Attributes:
        ws: extended latent [num_ws, w].
        base, base_fingerprint: name of the base and `fingerprint` of its weights.
        yaw, pitch: of the portrait's camera, in radians from the front.
        residual: what pivotal tuning adds to the planes [P, C, R, R]; None without tuning. Domains share the planes
            with their base, so it holds in every world.
        license: of the base, which everything made from it follows.
    """

    ws: Tensor
    base: str
    base_fingerprint: str
    yaw: float = 0.0
    pitch: float = 0.0
    residual: Tensor | None = None
    license: str = ""

    def save(self, path: str | os.PathLike) -> None:
        """Write one safetensors file, completely or not at all; the residual in half precision."""
        tensors = {WS: self.ws.float()}
        if self.residual is not None:
            tensors[RESIDUAL] = self.residual.half()
        about = {
            "base": self.base,
            "base_fingerprint": self.base_fingerprint,
            "yaw": self.yaw,
            "pitch": self.pitch,
            "licence": self.license,
            "created_by": f"3d-domain-adapter {__version__}",
            "format_version": FORMAT_VERSION,
            "shapes": {name: list(value.shape) for name, value in tensors.items()},
        }
        write_tensors(path, tensors, {"format": FORMAT, "person": json.dumps(about, allow_nan=False)})

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Person":
        """Read a person's file after checking it.

        Raises:
            UserError: not a person's file, made by a newer version, damaged, incomplete, or not finite.
        """
        name = os.path.basename(path)
        found: list[dict] = []

        def shapes(header: dict[str, str]) -> dict[str, tuple[int, ...]]:
            about, expected = _description(name, header)
            found.append(about)
            return expected

        tensors = {key: value.float() for key, value in read_tensors(path, shapes).items()}
        if any(float(value.abs().max()) > LARGEST_VALUE for value in tensors.values()):
            raise UserError(f"{name} holds numbers that no person has. Get a fresh copy.")
        return cls(tensors[WS], residual=tensors.get(RESIDUAL), **found[0])

    @torch.no_grad()
    def check(self, generator: Generator) -> None:
        """Check that this person belongs to a generator.

        Raises:
            UserError: another base, or tensors that do not fit it.
        """
        if fingerprint(generator) != self.base_fingerprint:
            raise UserError(
                f"This person was found in the base '{self.base}', and other weights are loaded. "
                "Choose that base, or reconstruct the portrait anew."
            )
        config = generator.config
        if self.ws.shape != (config.num_ws, config.w_dim):
            raise UserError("This person's file does not fit the base that it names. Reconstruct the portrait anew.")
        if self.residual is not None:
            planes = generator.planes(self.ws[None].to(generator.device))
            if self.residual.shape != planes.values.shape[1:]:
                raise UserError(
                    "This person's file does not fit the base that it names. Reconstruct the portrait anew."
                )

    def add_to(self, planes: Planes) -> Planes:
        """The planes of this person's ws, with what pivotal tuning found."""
        if self.residual is None:
            return planes
        return Planes(planes.values + self.residual.to(planes.values), planes.axes, planes.divisor)


def _description(name: str, header: Mapping[str, str]) -> tuple[dict, dict[str, tuple[int, ...]]]:
    """Fields of `Person` and the shapes of all tensors from a file's header."""
    if header.get("format") != FORMAT:
        raise UserError(f"{name} is not a person's file of this program. Choose a file that the tab You made.")
    try:
        values = json.loads(header["person"])
        version = int(values["format_version"])
        shapes = {str(key): tuple(int(size) for size in shape) for key, shape in values["shapes"].items()}
        about = {
            "base": str(values["base"])[:200],
            "base_fingerprint": str(values["base_fingerprint"])[:200],
            "yaw": min(max(float(values["yaw"]), -1.0), 1.0),
            "pitch": min(max(float(values["pitch"]), -0.5), 0.5),
            "license": str(values.get("licence", ""))[:200],
        }
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise UserError(f"{name} has a damaged description. Get a fresh copy.") from error
    if version != FORMAT_VERSION:
        raise UserError(f"{name} was made by another version of this program (format {version}). Update the program.")
    sizes = {WS: 2, RESIDUAL: 4}
    fits = WS in shapes and all(len(shape) == sizes.get(key) for key, shape in shapes.items())
    if not fits or any(min(shape) < 1 or _count(shape) > LARGEST_TENSOR for shape in shapes.values()):
        raise UserError(f"{name} does not hold what a person's file holds. Get a fresh copy.")
    return about, shapes


def _count(shape: tuple[int, ...]) -> int:
    total = 1
    for size in shape:
        total *= size
    return total

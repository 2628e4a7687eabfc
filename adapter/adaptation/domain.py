"""A domain: what an adaptation changed in a base, as a small file that can be blended and shared."""

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from adapter import __version__
from adapter.adaptation.parts import Extent, copy_parts
from adapter.eg3d import Generator, Parts
from adapter.errors import UserError
from adapter.methods.checked import Checked, checked
from adapter.utils.storage import read_tensors, write_tensors

FORMAT = "3d-adapter-domain"
FORMAT_VERSION, NOISE_VERSION = 1, 2
"""Of the file's layout. Those with noise of the surface have their own, as earlier programs would not show it."""
_VERSION, _NOISE = "format_version", "surface_noise"
_FILE_NAMES = {"license": "licence"}
"""Fields whose entries in files have another name."""
_KEPT = "_fingerprint"


@checked
class DomainMetadata(Checked):
    """Where a domain comes from.

    Args:
        base, base_fingerprint: name of the base and `fingerprint` of its weights.
        method: name of the method; "blend" for a blend of other domains.
        reference_fingerprint: hash of the reference images' pixels, None for a text prompt.
        prompt: text the domain was made from, None for images.
        settings: the method as plain JSON values.
        seed: of the run.
        license: under which the domain may be used; follows the base's. Files spell it "licence".
        surface_noise: whether super-resolution reads noise of the surface, see `adapter.eg3d.surface_noise`.
        created_by: program and version that wrote it.
    """

    base: str
    base_fingerprint: str
    method: str
    reference_fingerprint: str | None = None
    prompt: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    license: str = ""
    surface_noise: bool = False
    created_by: str = f"3d-domain-adapter {__version__}"

    def to_dict(self) -> dict[str, Any]:
        """The entries of a file's description."""
        values = {_FILE_NAMES.get(key, key): value for key, value in dataclasses.asdict(self).items()}
        if not self.surface_noise:
            del values[_NOISE]
        return {**values, _VERSION: NOISE_VERSION if self.surface_noise else FORMAT_VERSION}


@dataclass(frozen=True)
class Domain:
    """Weights of an adapted generator as differences to its base.

    Args:
        weights: fp16 differences by the parts' parameter names, on the CPU.
        metadata: where it comes from.
    """

    weights: dict[str, Tensor]
    metadata: DomainMetadata

    @classmethod
    def between(cls, base: Parts, adapted: Mapping[str, Tensor], metadata: DomainMetadata) -> "Domain":
        """The domain that leads from the base's parts to adapted parameters by name.

        Raises:
            UserError: if a difference is not a finite fp16 number.
        """
        source = dict(base.named_parameters())
        weights = {name: _half(name, value.detach() - source[name].detach()) for name, value in adapted.items()}
        return cls(weights, metadata)

    @property
    def background(self) -> int:
        """Side of the background map, 0 where the domain keeps the base's background."""
        value = self.weights.get("background")
        return value.shape[-1] if value is not None and value.dim() == 3 else 0

    def _extent(self, generator: Generator) -> Extent:
        side = min(self.background, generator.config.raw_resolution)
        return Extent.of_weights(self.weights, side, self.metadata.surface_noise)

    def check(self, generator: Generator) -> None:
        """Check that this domain was made from a generator.

        Raises:
            UserError: another base.
        """
        if fingerprint(generator) != self.metadata.base_fingerprint:
            raise UserError(
                f"This domain was made from the base '{self.metadata.base}', and other weights are loaded. "
                "Choose that base, or adapt this one anew."
            )

    def apply(self, generator: Generator, strength: float = 1.0, *, checked: bool = False) -> Parts:
        """Parts of the generator moved towards the domain.

        Args:
            generator: the base that the domain was made from.
            strength: 0 gives the base exactly, 1 the domain, more than 1 exaggerates it.
            checked: whether `check` was already passed, which saves hashing the generator again.

        Returns:
            New modules in evaluation mode, without gradients, on the generator's device.

        Raises:
            UserError: another base than the domain's, or parameters that it does not have.
        """
        if not checked:
            self.check(generator)
        parts = copy_parts(generator, self._extent(generator))
        _check_fit(self.weights, parts)
        if strength == 0:
            parts = copy_parts(generator)
        for name, value in parts.state_dict().items():
            if name in self.weights and strength != 0:
                value.add_(self.weights[name].to(value), alpha=float(strength))
        return parts.eval().requires_grad_(False)

    def save(self, path: str | os.PathLike) -> None:
        """Write the domain as one safetensors file, completely or not at all."""
        metadata = {"format": FORMAT, "domain": json.dumps(self.metadata.to_dict(), allow_nan=False)}
        metadata["shapes"] = json.dumps({name: list(value.shape) for name, value in self.weights.items()})
        write_tensors(path, self.weights, metadata)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Domain":
        """Read a domain file after checking it.

        Raises:
            UserError: not a domain file, made by a newer version, damaged, incomplete, or not finite.
        """
        name = os.path.basename(path)
        found: list[DomainMetadata] = []

        def shapes(header: dict[str, str]) -> dict[str, tuple[int, ...]]:
            metadata, expected = _description(name, header)
            found.append(metadata)
            return expected

        weights = read_tensors(path, shapes)
        for key, value in weights.items():
            if value.dtype != torch.float16:
                raise UserError(f"{name}: {key} is not stored in half precision. Get a fresh copy.")
        return cls(weights, found[0])


def blend(domains: Sequence[Domain], weights: Sequence[float]) -> Domain:
    """Weighted sum of several domains of one base.

    Args:
        domains: at least one; a parameter that some of them did not change counts as unchanged there.
        weights: one factor each, any sign; they need not sum to one.

    Raises:
        UserError: domains of different bases, or a sum that is not a finite fp16 number.
        ValueError: no domain, or another number of weights.
    """
    if not domains or len(domains) != len(weights):
        raise ValueError("A blend needs at least one domain and one weight for each.")
    about = domains[0].metadata
    if any(domain.metadata.base_fingerprint != about.base_fingerprint for domain in domains):
        raise UserError("These domains were made from different bases. Blend domains of one base.")
    side = max(domain.background for domain in domains)
    total: dict[str, Tensor] = {}
    for domain, weight in zip(domains, weights, strict=True):
        for name, value in domain.weights.items():
            if name == "background" and value.shape[-1] != side:
                value = F.interpolate(value[None].float(), size=(side, side), mode="bilinear")[0]
            total[name] = total.get(name, 0) + float(weight) * value.float()
    licenses = sorted({domain.metadata.license for domain in domains} - {""})
    sources = [domain.metadata.to_dict() for domain in domains]
    metadata = DomainMetadata(
        base=about.base,
        base_fingerprint=about.base_fingerprint,
        method="blend",
        settings={"weights": [float(weight) for weight in weights], "domains": sources},
        license="; ".join(licenses),
        surface_noise=any(domain.metadata.surface_noise for domain in domains),
    )
    return Domain({name: _half(name, value) for name, value in total.items()}, metadata)


def fingerprint(generator: Generator) -> str:
    """SHA-256 over names, shapes and values of all weights of a generator.

    The generator keeps it, so that it is computed once as long as its weights are neither replaced nor written to.
    """
    kept = getattr(generator, _KEPT, None)
    if kept is None or kept[0] != _versions(generator):
        kept = _versions(generator), hash_tensors(sorted(generator.state_dict().items()))
        setattr(generator, _KEPT, kept)
    return kept[1]


def keep_fingerprint(generator: Generator, digest: str) -> None:
    """Let a copy of a generator keep the `fingerprint` of the one that it is a copy of."""
    setattr(generator, _KEPT, (_versions(generator), digest))


def _versions(generator: Generator) -> tuple[tuple[int, int], ...]:
    """Changes if a weight is replaced or written to; not if a GPU takes it over, which moves it."""
    return tuple(
        (value.data_ptr() if value.device.type == "cpu" else 0, 0 if value.is_inference() else value._version)
        for value in generator.state_dict().values()
    )


def hash_tensors(tensors: Iterable[tuple[str, Tensor]]) -> str:
    """SHA-256 over names, shapes, types and values of tensors, in the order given."""
    digest = hashlib.sha256()
    for name, value in tensors:
        digest.update(f"{name}{tuple(value.shape)}{value.dtype}".encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def fingerprint_images(images: Tensor) -> str:
    """SHA-256 over the pixels of images [K, 3, H, W] in [-1, 1], at 8 bits a channel."""
    pixels = (images.detach().cpu().clamp(-1, 1) * 127.5 + 128).floor().clamp(0, 255).to(torch.uint8)
    return hashlib.sha256(str(tuple(pixels.shape)).encode() + pixels.contiguous().numpy().tobytes()).hexdigest()


def _half(name: str, value: Tensor) -> Tensor:
    half = value.to("cpu", torch.float16, copy=True)
    if not torch.isfinite(half).all():
        raise UserError(f"{name} left the range of numbers that a domain holds. Lower the learning rate.")
    return half


def _check_fit(weights: Mapping[str, Tensor], parts: Parts) -> None:
    shapes = {name: value.shape for name, value in parts.state_dict().items()}
    for name, value in weights.items():
        if shapes.get(name) != value.shape:
            raise UserError(
                f"This domain changes {name} {list(value.shape)}, which the loaded base does not have. "
                "Choose the base that the domain was made from."
            )


def _description(name: str, header: Mapping[str, str]) -> tuple[DomainMetadata, dict[str, tuple[int, ...]]]:
    """Metadata and shapes of all weights from a file's header."""
    if header.get("format") != FORMAT:
        raise UserError(f"{name} is not a domain file of this program. Choose a file that Adapt made.")
    try:
        values, shapes = json.loads(header["domain"]), json.loads(header["shapes"])
        version = int(values[_VERSION])
        expected = {str(key): tuple(int(size) for size in shape) for key, shape in shapes.items()}
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise UserError(f"{name} has a damaged description. Get a fresh copy.") from error
    if version not in (FORMAT_VERSION, NOISE_VERSION):
        raise UserError(
            f"{name} has the domain format {version}, and this program reads up to format {NOISE_VERSION}. "
            "Use the version of the program that wrote it."
        )
    fields = {_FILE_NAMES.get(field.name, field.name): field.name for field in dataclasses.fields(DomainMetadata)}
    if version == FORMAT_VERSION:
        del fields[_NOISE]
    if not isinstance(values, dict) or set(values) != {*fields, _VERSION}:
        raise UserError(f"{name} lacks or adds entries in its description. Get a fresh copy.")
    return DomainMetadata(**{field: values[entry] for entry, field in fields.items()}), expected

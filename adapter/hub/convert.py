"""Converts official EG3D pickles: into folders that ``Eg3d.from_pretrained`` loads, or into domains of a base."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from adapter.adaptation.domain import DomainMetadata, fingerprint
from adapter.adaptation.whole_generator import METHOD, domain_of
from adapter.eg3d import Eg3dConfig, Generator
from adapter.eg3d.config import FOCAL
from adapter.eg3d.legacy_checkpoint import read_legacy_checkpoint
from adapter.eg3d.legacy_config import configuration
from adapter.eg3d.pretrained import CONFIG, WEIGHTS
from adapter.errors import UserError
from adapter.utils.storage import check_finite, check_shapes, write_json, write_tensors

LABEL_STD = "dataset_label_std"
Progress = Callable[[float, str], None]


def convert(
    source: str | os.PathLike,
    out_folder: str | os.PathLike,
    progress: Progress | None = None,
    *,
    focal: float | None = None,
    raw_resolution: int | None = None,
) -> Path:
    """Convert an official EG3D pickle to safetensors and a JSON configuration.

    Nothing in the file is run. Memory: the file once.

    Args:
        source: the ``.pkl`` file.
        out_folder: receives ``model.safetensors`` and ``config.json``; created where missing, files in it replaced.
            Until the last step it holds no configuration, so that a half-written folder is never loaded.
        progress: is told the share done, 0 to 1, and what is being done.
        focal: focal length of the usual camera in image widths, which the file does not record; `FOCAL` if
            None; EG3D uses 1.7074 for cars.
        raw_resolution: side in pixels that the volume is rendered at; the file's own if None. Snapshots from the
            middle of a training keep the resolution that it had reached.

    Returns:
        The folder.

    Raises:
        UserError: the source is not such a file or is damaged, its network is of an unsupported kind, the folder
            cannot be written, or a number is out of range.
    """
    focal = FOCAL if focal is None else focal
    if not 0.1 <= focal <= 100:
        raise UserError(f"A focal length of {focal} image widths is not usable. Give one between 0.1 and 100.")
    if raw_resolution is not None and not 8 <= raw_resolution <= 512:
        raise UserError(f"A rendering resolution of {raw_resolution} is not usable. Give one between 8 and 512.")
    out_folder, report = Path(out_folder), progress or _silent
    config, tensors = _read(Path(source), report, focal)
    if raw_resolution is not None:
        config = replace(config, raw_resolution=raw_resolution)
    report(0.9, f"Writing {out_folder}")
    try:
        (out_folder / CONFIG).unlink(missing_ok=True)
        write_tensors(out_folder / WEIGHTS, tensors, {"format": "eg3d", "converted_from": Path(source).name})
        write_json(out_folder / CONFIG, config.to_dict())
    except OSError as error:
        reason = (error.strerror or "it is not a usable folder").lower()
        raise UserError(f"{out_folder} cannot be written: {reason}. Choose another folder.") from error
    report(1.0, "Done")
    return out_folder


def convert_domain(
    source: str | os.PathLike,
    base: Generator,
    out_file: str | os.PathLike,
    progress: Progress | None = None,
    *,
    base_name: str = "",
    license: str = "",
) -> Path:
    """Convert an official pickle of a generator that was trained from a base into a domain file of this base.

    Nothing in the file is run. The domain is rendered at the base's resolution, whatever the file says.

    Args:
        source: the ``.pkl`` file.
        base: on the CPU.
        out_file: the ``.safetensors`` file to write.
        progress: as in `convert`.
        base_name, license: for the domain's metadata.

    Raises:
        UserError: as `convert`, or the generator is of another family than the base.
    """
    source, out_file, report = Path(source), Path(out_file), progress or _silent
    config, tensors = _read(source, report, base.config.focal)
    metadata = DomainMetadata(
        base_name, fingerprint(base), METHOD, settings={"converted_from": source.name}, license=license
    )
    report(0.9, f"Writing {out_file.name}")
    try:
        domain_of(base, config, tensors, metadata, source.name).save(out_file)
    except OSError as error:
        reason = (error.strerror or "it is not a usable place").lower()
        raise UserError(f"{out_file} cannot be written: {reason}. Choose another folder.") from error
    report(1.0, "Done")
    return out_file


def _read(source: Path, report: Progress, focal: float) -> tuple[Eg3dConfig, dict[str, Tensor]]:
    """Settings and checked tensors of an official file."""
    report(0.0, f"Reading {source.name}")
    network = read_legacy_checkpoint(source)
    config = configuration(
        network.init_kwargs,
        network.rendering_kwargs,
        network.neural_rendering_resolution,
        network.plane_axes,
        LABEL_STD in network.tensors,
        focal,
    )
    with torch.device("meta"):
        expected = Generator(config).state_dict()
    found, wanted = ({name: tuple(x.shape) for name, x in each.items()} for each in (network.tensors, expected))
    check_shapes(source.name, found, wanted)
    tensors = {}
    for number, (name, tensor) in enumerate(network.tensors.items(), start=1):
        check_finite(source.name, name, tensor)
        tensors[name] = tensor.to(expected[name].dtype)
        report(number / len(found) * 0.9, f"Checking {name}")
    return config, tensors


def _silent(share: float, text: str) -> None:
    """Tell nobody."""

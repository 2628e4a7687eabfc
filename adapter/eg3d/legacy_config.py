"""Translates the settings inside an official EG3D file into a configuration of ours.

Every setting has a default, because released files differ in which ones they carry. Facts: EG3D's released code.
"""

import dataclasses
from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor

from adapter.eg3d import SUPERRESOLUTIONS, Eg3dConfig, RenderingConfig, SuperresolutionConfig
from adapter.eg3d.config import FOCAL, PlaneAxes
from adapter.eg3d.planes import AXES
from adapter.errors import UserError

PREFIX = "SuperresolutionHybrid"
MODULES = {
    PREFIX + "2X": SUPERRESOLUTIONS["2X"],
    PREFIX + "4X": SUPERRESOLUTIONS["4X"],
    PREFIX + "Deepfp32": dataclasses.replace(SUPERRESOLUTIONS["4X"], antialias=False),
    PREFIX + "8X": SUPERRESOLUTIONS["8X"],
    PREFIX + "8XDC": SUPERRESOLUTIONS["8X-DC"],
}
CLAMP = 256.0


def configuration(
    init: Mapping[str, object],
    rendering: Mapping[str, object],
    raw_resolution: object,
    plane_axes: Tensor | None,
    label_std: bool,
    focal: float = FOCAL,
) -> Eg3dConfig:
    """Read EG3D's settings.

    Args:
        init: the generator's constructor arguments.
        rendering: its ``rendering_kwargs``.
        raw_resolution: its neural rendering resolution in pixels; 64, as in a fresh network, where None.
        plane_axes: [3, 3, 3], per plane the axes that the lookup uses as width, height and depth, one per row.
        label_std: whether the file carries the buffer ``dataset_label_std``.
        focal: focal length in image widths, which files do not record.

    Raises:
        UserError: a setting is out of range, of the wrong kind, or asks for something that is not supported.
    """
    _supported(rendering, "clamp_mode", "softplus")
    _supported(rendering, "decoder_lr_mul", 1)
    _supported(init, "conv_clamp", None)
    _supported(init, "num_fp16_res", 0)
    mapping = _settings(init, "mapping_kwargs")
    for name in ("embed_features", "layer_features"):
        _supported(mapping, name, None)
    config = Eg3dConfig(
        superresolution=_superresolution(init, rendering),
        rendering=_rendering(rendering, plane_axes),
        z_dim=_integer(init, "z_dim", 512, 1, 4096),
        w_dim=_integer(init, "w_dim", 512, 1, 4096),
        conditioning=_integer(init, "c_dim", 25, 0, 4096),
        conditioning_zero=_flag(rendering, "c_gen_conditioning_zero", False),
        conditioning_scale=_number(rendering, "c_scale", 0.0, -1e3, 1e3),
        mapping_layers=_integer(mapping, "num_layers", 8, 1, 64),
        mapping_lr_multiplier=_number(mapping, "lr_multiplier", 0.01, 1e-6, 1e3),
        channel_base=_integer(init, "channel_base", 32768, 256, 1 << 20),
        channel_max=_integer(init, "channel_max", 512, 1, 1 << 13),
        raw_resolution=_integer({"rendering resolution": raw_resolution}, "rendering resolution", 64, 1, 2048),
        label_std=label_std,
        camera_radius=_number(rendering, "avg_camera_radius", 2.7, 1e-3, 1e3),
        camera_pivot=_point(rendering, "avg_camera_pivot", (0.0, 0.0, 0.2)),
        focal=focal,
    )
    stated = _integer(init, "img_resolution", config.image_resolution, 1, 1 << 14)
    if stated != config.image_resolution:
        raise UserError(
            f"The file says that its images have {stated} pixels a side, but its super-resolution makes "
            f"{config.image_resolution}. It is not an EG3D file of a supported kind."
        )
    return config


def _superresolution(init: Mapping[str, object], rendering: Mapping[str, object]) -> SuperresolutionConfig:
    stated = rendering.get("superresolution_module") or PREFIX + "8XDC"
    module = MODULES.get(stated.rpartition(".")[2]) if isinstance(stated, str) else None
    if module is None:
        raise UserError(
            f"The file uses the super-resolution {str(stated)[:80]!r}, which is not supported. "
            f"Supported are {', '.join(MODULES)}."
        )
    antialias = module.antialias and _flag(rendering, "sr_antialias", True)
    noise_mode = rendering.get("superresolution_noise_mode", "none")
    if noise_mode not in ("none", "const", "random"):
        raise _unsupported("superresolution_noise_mode", noise_mode)
    # EG3D clamps wherever its constructor was told to use fp16, also when it then runs in fp32.
    clamp = CLAMP if _integer(init, "sr_num_fp16_res", 0, 0, 16) else None
    return dataclasses.replace(module, antialias=antialias, noise_mode=noise_mode, clamp=clamp)


def _rendering(rendering: Mapping[str, object], plane_axes: Tensor | None) -> RenderingConfig:
    near, far = rendering.get("ray_start", 2.25), rendering.get("ray_end", 3.3)
    if not near == far == "auto":
        near = _number(rendering, "ray_start", 2.25, 0.0, 1e3)
        far = _number(rendering, "ray_end", 3.3, 0.0, 1e3)
    return RenderingConfig(
        ray_start=near,
        ray_end=far,
        box_warp=_number(rendering, "box_warp", 1.0, 1e-3, 1e3),
        samples=_integer(rendering, "depth_resolution", 48, 2, 1024),
        importance_samples=_integer(rendering, "depth_resolution_importance", 48, 0, 1024),
        white_background=_flag(rendering, "white_back", False),
        disparity=_flag(rendering, "disparity_space_sampling", False),
        density_noise=_number(rendering, "density_noise", 0.0, 0.0, 1e3),
        plane_axes="xy-xz-zx" if plane_axes is None else _axes(plane_axes),
    )


def _axes(plane_axes: Tensor) -> PlaneAxes:
    """Name the coordinates that each plane reads as width and height, such as "xy-xz-zx"."""
    unit = torch.eye(3)
    names = []
    for plane in plane_axes.float():
        letters = ["xyz"[axis] for row in plane for axis in range(3) if torch.equal(row, unit[axis])]
        names.append("".join(letters[:2]) if len(set(letters)) == 3 else "?")
    name = "-".join(names)
    if name not in AXES:
        raise UserError(
            f"The file's planes have axes {name}, which are not supported. Supported are {', '.join(AXES)}."
        )
    return cast(PlaneAxes, name)


def _settings(values: Mapping[str, object], name: str) -> Mapping[str, object]:
    found = values.get(name) or {}
    if not isinstance(found, dict):
        raise _unsupported(name, found)
    return found


def _supported(values: Mapping[str, object], name: str, only: object) -> None:
    if values.get(name, only) != only:
        raise _unsupported(name, values[name])


def _integer(values: Mapping[str, object], name: str, default: int, low: int, high: int) -> int:
    value = default if values.get(name) is None else values[name]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise _unsupported(name, value)
    return value


def _number(values: Mapping[str, object], name: str, default: float, low: float, high: float) -> float:
    value = default if values.get(name) is None else values[name]
    if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
        raise _unsupported(name, value)
    return float(value)


def _flag(values: Mapping[str, object], name: str, default: bool) -> bool:
    value = default if values.get(name) is None else values[name]
    if value not in (True, False):
        raise _unsupported(name, value)
    return bool(value)


def _point(values: Mapping[str, object], name: str, default: tuple[float, float, float]) -> tuple[float, float, float]:
    value = default if values.get(name) is None else values[name]
    if not isinstance(value, list | tuple) or len(value) != 3:
        raise _unsupported(name, value)
    x, y, z = (_number({name: number}, name, 0.0, -1e3, 1e3) for number in value)
    return x, y, z


def _unsupported(name: str, value: object) -> UserError:
    return UserError(
        f"The file's setting {name} is {str(value)[:40]!r}, which is not supported. "
        "Use an EG3D file trained with the published settings."
    )

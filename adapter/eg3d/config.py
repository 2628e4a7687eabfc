"""What a generator is made of, as data: every size and every quirk has a name here."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal

from adapter.eg3d.front import FrontConfig
from adapter.errors import UserError

FOCAL = 4.2647
"""Focal length of EG3D's FFHQ and AFHQ cameras, in image widths."""
RADIUS = 2.7
"""Distance of these cameras from the origin."""

PlaneAxes = Literal["xy-xz-zx", "xy-xz-zy"]


@dataclass(frozen=True)
class RenderingConfig:
    """How rays are cast and marched.

    ``ray_start`` and ``ray_end`` are distances along the ray, or both ``"auto"`` for the intersection with the box.
    ``background_level`` is the white background's value in every channel, 1 in EG3D. ``importance_bins``:
    ``"official"`` keeps EG3D's shift of the importance bins by half a bin; ``"aligned"`` uses each weight for its
    own interval. ``miss_rule``: rays that miss the box under ``"auto"`` end at the largest *start* (``"official"``)
    or end (``"span"``) of those that hit. ``fine_rule``: the even division of [0, 1] that places importance samples
    includes both ends (``"closed"``) or none (``"centred"``). ``empty_below``: rays whose coarse samples, and those
    of the rays around, accumulate less opacity show the background alone; 0 traces all rays, as EG3D does.
    ``density_noise`` is EG3D's setting for training, which rendering ignores.
    """

    ray_start: float | Literal["auto"] = 2.25
    ray_end: float | Literal["auto"] = 3.3
    box_warp: float = 1.0
    samples: int = 48
    importance_samples: int = 48
    white_background: bool = False
    background_level: float = 1.0
    disparity: bool = False
    density_noise: float = 0.0
    plane_axes: PlaneAxes = "xy-xz-zx"
    importance_bins: Literal["official", "aligned"] = "official"
    miss_rule: Literal["official", "span"] = "official"
    fine_rule: Literal["closed", "centred"] = "closed"
    empty_below: float = 0.0


@dataclass(frozen=True)
class SuperresolutionConfig:
    """Two blocks that turn rendered features into the image.

    ``channels`` and ``upsample`` describe block 0 and block 1. ``resize`` tells when features of another size are
    brought to ``input_resolution``: always, only when they are smaller, or never (for training on patches).
    ``inplace_rgb`` keeps EG3D's aliasing: without a resize, the raw image handed back already carries the first
    block's colors. ``padding`` is what the convolutions see beyond the border; EG3D sees zeros, which shows as a
    frame once a domain changes the weights.
    """

    input_resolution: int
    channels: tuple[int, int]
    upsample: tuple[bool, bool]
    resize: Literal["always", "if-smaller", "never"] = "always"
    antialias: bool = True
    noise_mode: Literal["none", "const", "random"] = "none"
    clamp: float | None = 256.0
    inplace_rgb: bool = True
    padding: Literal["zeros", "replicate"] = "zeros"
    spare_filter: bool = False

    @property
    def output_resolution(self) -> int:
        """Side of the image in pixels."""
        return self.input_resolution * 2 ** sum(self.upsample)


SUPERRESOLUTIONS: dict[str, SuperresolutionConfig] = {
    "2X": SuperresolutionConfig(64, (128, 64), (False, True), spare_filter=True),
    "4X": SuperresolutionConfig(128, (128, 64), (False, True), resize="if-smaller", spare_filter=True),
    "8X": SuperresolutionConfig(128, (128, 64), (True, True), spare_filter=True),
    "8X-DC": SuperresolutionConfig(128, (256, 128), (True, True)),
}
"""EG3D's super-resolution modules by their usual names."""


@dataclass(frozen=True)
class Eg3dConfig:
    """A whole generator.

    ``conditioning`` is the length of the camera label that the mapping network takes (0: none).
    ``first_resolution`` is the side of the learned constant. ``density_gain`` multiplies the decoder's raw density.
    ``camera_radius``, ``camera_pivot`` and ``focal`` describe the usual camera; the networks do not read them.
    ``front`` adds a 2D generator's features to the XY plane, see `adapter.eg3d.front`; EG3D has none.
    """

    superresolution: SuperresolutionConfig
    rendering: RenderingConfig = field(default_factory=RenderingConfig)
    z_dim: int = 512
    w_dim: int = 512
    conditioning: int = 25
    conditioning_zero: bool = False
    conditioning_scale: float = 1.0
    mapping_layers: int = 2
    mapping_lr_multiplier: float = 0.01
    first_resolution: int = 4
    plane_resolution: int = 256
    plane_channels: int = 32
    channel_base: int = 32768
    channel_max: int = 512
    decoder_hidden: int = 64
    feature_channels: int = 32
    density_gain: float = 1.0
    raw_resolution: int = 128
    label_std: bool = True
    camera_radius: float = RADIUS
    camera_pivot: tuple[float, float, float] = (0.0, 0.0, 0.2)
    focal: float = FOCAL
    front: FrontConfig | None = None

    @property
    def image_resolution(self) -> int:
        """Side of the image in pixels."""
        return self.superresolution.output_resolution

    def channels(self, resolution: int) -> int:
        """Feature channels of the backbone's block at ``resolution``."""
        return min(self.channel_base // resolution, self.channel_max)

    @property
    def block_resolutions(self) -> tuple[int, ...]:
        """Sides of the backbone's blocks, small to large."""
        first, last = self.first_resolution.bit_length() - 1, self.plane_resolution.bit_length() - 1
        return tuple(2**k for k in range(first, last + 1))

    @property
    def num_ws(self) -> int:
        """Rows of an extended latent: one per convolution, and one for the last color layer."""
        return 2 * len(self.block_resolutions)

    def to_dict(self) -> dict[str, Any]:
        """The configuration as plain JSON values."""
        values = dataclasses.asdict(self)
        if self.front is None:
            del values["front"]
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Eg3dConfig":
        """Build a configuration from plain JSON values.

        Raises:
            UserError: if a key is unknown, missing, or has a value of the wrong kind.
        """
        try:
            values = dict(values)
            rendering = RenderingConfig(**values.pop("rendering", {}))
            given = dict(values.pop("superresolution"))
            given["channels"], given["upsample"] = tuple(given["channels"]), tuple(given["upsample"])
            if values.get("front"):
                front = values["front"]
                values["front"] = FrontConfig(**{**front, "channels": tuple(front["channels"])})
            if "camera_pivot" in values:
                values["camera_pivot"] = tuple(values["camera_pivot"])
            return cls(superresolution=SuperresolutionConfig(**given), rendering=rendering, **values)
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"The generator's configuration cannot be used ({error}).") from error


def _ffhq(**changes: Any) -> Eg3dConfig:
    return dataclasses.replace(Eg3dConfig(superresolution=SUPERRESOLUTIONS["8X-DC"]), **changes)


PRESETS: dict[str, Eg3dConfig] = {
    "ffhq512": _ffhq(),
    "ffhqrebalanced512": _ffhq(),
    "afhqcats512": _ffhq(camera_pivot=(0.0, 0.0, -0.06)),
    "shapenetcars128": Eg3dConfig(
        superresolution=SUPERRESOLUTIONS["2X"],
        rendering=RenderingConfig(0.1, 2.6, 1.6, 64, 64, white_background=True),
        conditioning_zero=True,
        raw_resolution=64,
        camera_radius=1.7,
        camera_pivot=(0.0, 0.0, 0.0),
        focal=1.7074,
    ),
    "heads": Eg3dConfig(
        superresolution=SuperresolutionConfig(
            64,
            (64, 48),
            (False, True),
            noise_mode="const",
            clamp=None,
            inplace_rgb=False,
            padding="replicate",
        ),
        rendering=RenderingConfig(
            2.35,
            3.2,
            0.9,
            12,
            12,
            white_background=True,
            plane_axes="xy-xz-zy",
            fine_rule="centred",
            empty_below=1e-4,
        ),
        z_dim=32,
        w_dim=192,
        conditioning=0,
        mapping_lr_multiplier=0.5,
        first_resolution=32,
        plane_resolution=128,
        plane_channels=16,
        channel_base=4096,
        channel_max=128,
        decoder_hidden=32,
        feature_channels=16,
        density_gain=12.0,
        raw_resolution=64,
        label_std=False,
        camera_pivot=(0.0, 0.0, 0.0),
    ),
}
"""Bases by name. The four official ones follow the published training commands; ``heads`` is ours."""

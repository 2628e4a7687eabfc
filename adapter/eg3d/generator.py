"""The whole 3D GAN under EG3D's names: tensors in, tensors out."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from adapter.eg3d import rendering
from adapter.eg3d.backbone import Backbone, Mapping, Synthesis
from adapter.eg3d.blocks import NoiseMode
from adapter.eg3d.camera import frontal_label
from adapter.eg3d.config import Eg3dConfig
from adapter.eg3d.decoder import Decoder
from adapter.eg3d.plane_lookup import lookup
from adapter.eg3d.planes import AXES, Planes, fold
from adapter.eg3d.rendering import Field, Rendered
from adapter.eg3d.samples import Samples
from adapter.eg3d.superresolution import Superresolution
from adapter.eg3d.surface_noise import surface_noise
from adapter.utils.parallel import each


class Parts(nn.Module):
    """What a domain replaces: Tri-D (``decoder``), G2 (``superresolution``) and other parts that a method trains.

    Args:
        background: colors [F, h, w] in [0, 1] behind everything; the base's white or black if None.
        synthesis: a backbone (G1) of the target's own; if None, source and target share their planes.
        mapping: a second mapping network, whose w is appended to every row (see `Remodulated`).
        replacement_mapping: a mapping network of the target's own, in place of the base's.
        label: what mapping networks read beside z [1, c], see `Generator.frontal_conditioning`.
        tile: of the noise that super-resolution reads, see `adapter.eg3d.surface_noise`; the configuration's if None.
    """

    label: Tensor | None
    tile: Tensor | None

    def __init__(
        self,
        decoder: Decoder,
        superresolution: Superresolution,
        background: Tensor | None = None,
        synthesis: Synthesis | None = None,
        mapping: Mapping | None = None,
        replacement_mapping: Mapping | None = None,
        label: Tensor | None = None,
        tile: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.decoder, self.superresolution = decoder, superresolution
        self.background = None if background is None else nn.Parameter(background)
        self.synthesis, self.mapping, self.replacement_mapping = synthesis, mapping, replacement_mapping
        self.register_buffer("label", label, persistent=False)
        self.register_buffer("tile", tile, persistent=False)

    @property
    def field(self) -> Field:
        """What the volume renderer reads."""
        return Field(self.decoder, self.background)

    def rows(self, ws: Tensor, z: Tensor | None = None, truncation_psi: float = 1.0) -> Tensor:
        """The ws of these parts for the source's ws [N, num_ws, w] and latents z [N, z].

        With a second mapping they are [N, num_ws, 2 w]. If z is unknown, as for an inverted photo, the source's w
        replaces the other ones, because those mappings started as copies of the first.

        Args:
            truncation_psi: of the source's ws; a mapping of the target's own is truncated to its own average.
        """
        if z is None:
            return ws if self.mapping is None else torch.cat([ws, ws], dim=-1)
        label = None if self.label is None else self.label.expand(len(z), -1)
        if self.replacement_mapping is not None:
            ws = self.replacement_mapping(z, label, truncation_psi)
        return ws if self.mapping is None else torch.cat([ws, self.mapping(z, label)], dim=-1)


@dataclass
class Output:
    """Image [N, 3, H, W] and raw image [N, 3, R, R], nominally in [-1, 1]; depth and opacity [N, 1, R, R]."""

    image: Tensor
    image_raw: Tensor
    depth: Tensor
    opacity: Tensor


class Generator(nn.Module):
    """EG3D: mapping, tri-plane backbone, volume renderer and super-resolution.

    Calls are deterministic unless they draw noise, and stateless: the caller keeps planes and samples.
    """

    def __init__(self, config: Eg3dConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = Backbone(config)
        self.decoder = Decoder(config)
        self.superresolution = Superresolution(config)
        if config.label_std:
            self.register_buffer("dataset_label_std", torch.ones(25))

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.backbone.mapping.w_avg.device

    def compute_in(self, dtype: torch.dtype) -> "Generator":
        """Let decoder and super-resolution compute in a precision such as bf16; all weights stay in fp32."""
        self.decoder.dtype = self.superresolution.dtype = dtype
        return self

    def mapping(
        self,
        z: Tensor,
        conditioning: Tensor | None = None,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
    ) -> Tensor:
        """Map latents to ws [N, num_ws, w].

        Args:
            z: [N, z], drawn from N(0, I).
            conditioning: camera labels [N, 25]; zeros if None. Ignored by bases without pose conditioning.
            truncation_psi: 1 keeps w, 0 gives the average face.
            truncation_cutoff: number of leading rows that are truncated; all if None.

        Raises:
            ValueError: if z has the wrong width.
        """
        if z.dim() != 2 or z.shape[1] != self.config.z_dim:
            raise ValueError(f"z must be [N, {self.config.z_dim}], not {list(z.shape)}.")
        label = None
        if self.config.conditioning:
            label = z.new_zeros(len(z), self.config.conditioning) if conditioning is None else conditioning
            label = self._scaled(label)
        return self.backbone.mapping(z, label, truncation_psi, truncation_cutoff)

    def sample_ws(self, z: Tensor, truncation_psi: float = 1.0) -> Tensor:
        """Map latents [N, z] of any device to ws [N, num_ws, w], conditioned on the frontal camera."""
        label = frontal_label(self.config, len(z))
        return self.mapping(z.to(self.device), None if label is None else label.to(self.device), truncation_psi)

    def frontal_conditioning(self) -> Tensor | None:
        """What the mapping network reads for the frontal camera [1, c]; None for a base without conditioning."""
        label = frontal_label(self.config)
        return None if label is None else self._scaled(label.to(self.device))

    def planes(
        self,
        ws: Tensor,
        noise_mode: NoiseMode = "const",
        generator: torch.Generator | None = None,
        *,
        folded: bool = True,
        synthesis: Synthesis | None = None,
    ) -> Planes:
        """Synthesize the planes of ws [N, num_ws, w] with ``synthesis``, the own one if None.

        ``folded`` adds up planes that read the same coordinates, see `fold`.
        """
        image = (synthesis or self.backbone.synthesis)(ws, noise_mode, generator)
        values = image.unflatten(1, (3, self.config.plane_channels))
        planes = Planes(values, AXES[self.config.rendering.plane_axes])
        return fold(planes) if folded else planes

    def sample(
        self, planes: Planes, cameras: Tensor, resolution: int | None = None, every_ray: bool = False
    ) -> Samples:
        """Read the planes along the rays of labels [N, 25], for `march`; arguments as of `rendering.sample`."""
        side = resolution or self.config.raw_resolution
        return rendering.sample(planes, cameras, side, self.decoder, self.config.rendering, every_ray)

    def march(self, samples: Samples, parts: Parts | None = None) -> Rendered:
        """March cached samples with the decoder and background of ``parts``, the own ones if None."""
        return rendering.march(samples, self._field(parts), self.config.rendering)

    def render(
        self, planes: Planes, cameras: Tensor, resolution: int | None = None, parts: Parts | None = None
    ) -> Rendered:
        """Render planes from labels [N, 25] with ``parts``, the own ones if None, which also place the samples."""
        side = resolution or self.config.raw_resolution
        return rendering.render(planes, cameras, side, [self._field(parts)], self.config.rendering)[0]

    def superresolve(
        self, features: Tensor, ws: Tensor, parts: Parts | None = None, noise: Sequence[Tensor] | None = None
    ) -> Tensor:
        """Turn rendered features [N, F, R, R] into the image [N, 3, H, W] with ``parts``, the own ones if None.

        Args:
            noise: of `surface_noise` of these parts.
        """
        return (parts or self).superresolution(features, ws, noise)[0]

    def surface_noise(
        self, parts: Parts | None, cameras: Tensor, depth: Tensor, opacity: Tensor
    ) -> tuple[Tensor, ...] | None:
        """The noise that super-resolution of ``parts`` reads of a rendering; None if it reads none."""
        if parts is None or parts.tile is None:
            return None
        sides = [layer.resolution for layer in parts.superresolution.layers]
        return surface_noise(parts.tile, self.config, cameras, depth, opacity, sides)

    def image(self, rendered: Rendered, cameras: Tensor, ws: Tensor, parts: Parts | None = None) -> Tensor:
        """The image [N, 3, H, W] of a rendering from labels [N, 25] with ``parts``, the own ones if None."""
        return self._output(rendered, cameras, ws, parts).image

    def synthesis(self, ws: Tensor, cameras: Tensor) -> Output:
        """From ws [N, num_ws, w] and labels [N, 25] to the image in one call."""
        return self._output(self.render(self.planes(ws), cameras), cameras, ws)

    def pair(
        self,
        planes: Planes,
        ws: Tensor,
        cameras: Tensor,
        target: Parts,
        target_ws: Tensor | None = None,
        target_planes: Planes | None = None,
    ) -> tuple[Output, Output]:
        """Source and target of the same latents and cameras, from the same planes, rays and samples.

        Args:
            target_ws: of `Parts.rows`; ``ws`` if None.
            target_planes: of the target's own backbone, if it has one. The target then places its own samples.
        """
        if target_planes is None:
            fields = [self._field(), target.field]
            rendered = rendering.render(planes, cameras, self.config.raw_resolution, fields, self.config.rendering)
        else:
            rendered = [self.render(planes, cameras), self.render(target_planes, cameras, parts=target)]
        rows = ws, ws if target_ws is None else target_ws
        inputs = list(zip(rendered, rows, (None, target), strict=True))
        source, adapted = each(lambda one: self._output(one[0], cameras, *one[1:]), inputs, ws.device)
        return source, adapted

    def field(self, planes: Planes, points: Tensor) -> tuple[Tensor, Tensor]:
        """Raw density [N, K] and colors [N, K, F] at world points [N, K, 3]."""
        return self.decoder(lookup(planes, points, self.config.rendering.box_warp))

    def parts(self) -> Parts:
        """Copies of the replaceable modules, ready to be trained."""
        return Parts(copy.deepcopy(self.decoder), copy.deepcopy(self.superresolution))

    def _scaled(self, label: Tensor) -> Tensor:
        return label * (0.0 if self.config.conditioning_zero else self.config.conditioning_scale)

    def _field(self, parts: Parts | None = None) -> Field:
        return parts.field if parts else Field(self.decoder)

    def _output(self, rendered: Rendered, cameras: Tensor, ws: Tensor, parts: Parts | None = None) -> Output:
        noise = self.surface_noise(parts, cameras, rendered.depth, rendered.opacity)
        image, raw = (parts or self).superresolution(rendered.features, ws, noise)
        return Output(image, raw, rendered.depth, rendered.opacity)

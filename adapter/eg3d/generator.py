"""The whole 3D GAN under EG3D's names: tensors in, tensors out."""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from adapter.eg3d import rendering
from adapter.eg3d.backbone import Backbone, Mapping, Synthesis
from adapter.eg3d.blocks import NoiseMode
from adapter.eg3d.config import Eg3dConfig
from adapter.eg3d.decoder import Decoder
from adapter.eg3d.planes import AXES, Planes, fold, lookup
from adapter.eg3d.rendering import Field, Rendered, Samples
from adapter.eg3d.superresolution import Superresolution
from adapter.utils.parallel import each


class Parts(nn.Module):
    """What a domain replaces: Tri-D (``decoder``), G2 (``superresolution``) and whatever else a method trains.

    Args:
        background: the colours [F, h, w] in [0, 1] that rays see where they hit nothing; without it the base's own
            white or black remains.
        synthesis: a backbone (G1) of its own; without it source and target share their planes.
        mapping: a second mapping network, whose w stands beside the first one's in every row (see `Remodulated`).
    """

    def __init__(
        self,
        decoder: Decoder,
        superresolution: Superresolution,
        background: Tensor | None = None,
        synthesis: Synthesis | None = None,
        mapping: Mapping | None = None,
    ) -> None:
        super().__init__()
        self.decoder, self.superresolution = decoder, superresolution
        self.background = None if background is None else nn.Parameter(background)
        self.synthesis, self.mapping = synthesis, mapping

    @property
    def field(self) -> Field:
        """The part that the volume renderer reads."""
        return Field(self.decoder, self.background)

    def rows(self, ws: Tensor, z: Tensor | None = None) -> Tensor:
        """The ws that these parts read, for the source's ws [N, num_ws, w] and latents z [N, z].

        With a second mapping they are [N, num_ws, 2 w]. Where no z is known, as for an inverted photo, the source's
        own w takes the second one's place, from which that mapping started.
        """
        if self.mapping is None:
            return ws
        return torch.cat([ws, ws if z is None else self.mapping(z)], dim=-1)


@dataclass
class Output:
    """Image [N, 3, H, W] and raw image [N, 3, R, R], nominally in [-1, 1]; depth and opacity [N, 1, R, R]."""

    image: Tensor
    image_raw: Tensor
    depth: Tensor
    opacity: Tensor


class Generator(nn.Module):
    """EG3D: mapping, tri-plane backbone, volume renderer and super-resolution.

    Nothing is random unless a ``generator`` is passed, and nothing is remembered between calls: planes and samples
    are values that the caller keeps.
    """

    def __init__(self, config: Eg3dConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = Backbone(config)
        self.decoder = Decoder(config)
        self.superresolution = Superresolution(config)
        if config.label_std:
            self.register_buffer("dataset_label_std", torch.ones(25))

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
            conditioning: camera label [N, 25] the latent is conditioned on (EG3D's pose conditioning), usually
                the frontal camera; zeros where None. Ignored by bases without conditioning.
            truncation_psi: 1 leaves w as it is, 0 gives the average face.
            truncation_cutoff: number of leading rows that are truncated; all where None.

        Raises:
            ValueError: if z has the wrong width.
        """
        if z.dim() != 2 or z.shape[1] != self.config.z_dim:
            raise ValueError(f"z must be [N, {self.config.z_dim}], not {list(z.shape)}.")
        label = None
        if self.config.conditioning:
            label = z.new_zeros(len(z), self.config.conditioning) if conditioning is None else conditioning
            label = label * (0.0 if self.config.conditioning_zero else self.config.conditioning_scale)
        return self.backbone.mapping(z, label, truncation_psi, truncation_cutoff)

    def planes(
        self,
        ws: Tensor,
        noise_mode: NoiseMode = "const",
        generator: torch.Generator | None = None,
        *,
        folded: bool = True,
        synthesis: Synthesis | None = None,
    ) -> Planes:
        """Synthesise the planes of ws [N, num_ws, w]; folded where two of them read the same coordinates.

        ``synthesis`` takes the place of the own backbone.
        """
        image = (synthesis or self.backbone.synthesis)(ws, noise_mode, generator)
        values = image.unflatten(1, (3, self.config.plane_channels))
        planes = Planes(values, AXES[self.config.rendering.plane_axes])
        return fold(planes) if folded else planes

    def sample(
        self,
        planes: Planes,
        cameras: Tensor,
        resolution: int | None = None,
        generator: torch.Generator | None = None,
        max_points: int | None = None,
        every_ray: bool = False,
    ) -> Samples:
        """Read the planes along the rays of labels [N, 25]; the result can be marched by any decoder.

        ``every_ray``: also along those that the configuration would leave out as empty.
        """
        return rendering.sample(
            planes,
            cameras,
            resolution or self.config.raw_resolution,
            self.decoder,
            self.config.rendering,
            generator=generator,
            max_points=max_points,
            every_ray=every_ray,
        )

    def march(self, samples: Samples, parts: Parts | None = None) -> Rendered:
        """Decode cached samples with the decoder and background of ``parts`` (the own where None) and march them."""
        return rendering.march(samples, parts.field if parts else Field(self.decoder), self.config.rendering)

    def render(
        self,
        planes: Planes,
        cameras: Tensor,
        resolution: int | None = None,
        parts: Parts | None = None,
        generator: torch.Generator | None = None,
        max_points: int | None = None,
    ) -> Rendered:
        """Render planes from labels [N, 25]; samples are placed by the decoder that is used (the own where None)."""
        return rendering.render(
            planes,
            cameras,
            resolution or self.config.raw_resolution,
            [parts.field if parts else Field(self.decoder)],
            self.config.rendering,
            generator=generator,
            max_points=max_points,
        )[0]

    def superresolve(
        self,
        features: Tensor,
        ws: Tensor,
        superresolution: Superresolution | None = None,
        noise_mode: NoiseMode | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Turn rendered features [N, F, R, R] into the image [N, 3, H, W]."""
        return (superresolution or self.superresolution)(features, ws, noise_mode, generator)[0]

    def synthesis(
        self,
        ws: Tensor,
        cameras: Tensor,
        resolution: int | None = None,
        noise_mode: NoiseMode = "const",
        generator: torch.Generator | None = None,
        max_points: int | None = None,
    ) -> Output:
        """From ws [N, num_ws, w] and labels [N, 25] to the image in one call."""
        planes = self.planes(ws, noise_mode, generator)
        rendered = self.render(planes, cameras, resolution, generator=generator, max_points=max_points)
        return self._finish(rendered, ws, self.superresolution, generator)

    def forward(self, z: Tensor, cameras: Tensor, truncation_psi: float = 1.0) -> Output:
        """From z [N, z] and labels [N, 25], which also condition the mapping, to the image."""
        conditioning = cameras if self.config.conditioning else None
        return self.synthesis(self.mapping(z, conditioning, truncation_psi), cameras)

    def pair(
        self,
        planes: Planes,
        ws: Tensor,
        cameras: Tensor,
        target: Parts,
        resolution: int | None = None,
        max_points: int | None = None,
        target_ws: Tensor | None = None,
        target_planes: Planes | None = None,
    ) -> tuple[Output, Output]:
        """Source and target of the same latents and cameras, from the same planes, rays and samples.

        Args:
            target_ws: of `Parts.rows`; ``ws`` where None.
            target_planes: the target's, where its backbone is its own. Its samples are then its own too.
        """
        resolution, config = resolution or self.config.raw_resolution, self.config.rendering
        if target_planes is None:
            fields = [Field(self.decoder), target.field]
            source, adapted = rendering.render(planes, cameras, resolution, fields, config, max_points=max_points)
        else:
            source = self.render(planes, cameras, resolution, max_points=max_points)
            adapted = self.render(target_planes, cameras, resolution, target, max_points=max_points)
        works = [
            (source, ws, self.superresolution, None),
            (adapted, ws if target_ws is None else target_ws, target.superresolution, None),
        ]
        first, second = each(lambda work: self._finish(*work), works)
        return first, second

    def field(self, planes: Planes, points: Tensor) -> tuple[Tensor, Tensor]:
        """Raw density [N, K] and colours [N, K, F] at world points [N, K, 3]."""
        return self.decoder(lookup(planes, points, self.config.rendering.box_warp))

    def parts(self) -> Parts:
        """Copies of the replaceable modules, ready to be trained."""
        return Parts(copy.deepcopy(self.decoder), copy.deepcopy(self.superresolution))

    @staticmethod
    def _finish(
        rendered: Rendered, ws: Tensor, superresolution: Superresolution, generator: torch.Generator | None
    ) -> Output:
        image, raw = superresolution(rendered.features, ws, generator=generator)
        return Output(image, raw, rendered.depth, rendered.opacity)

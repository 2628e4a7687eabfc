"""From planes and cameras to plane features along rays: NeRF's two passes over tri-planes (EG3D, Section 4)."""

import torch
from torch import Tensor
from torch.nn import functional as F

from adapter.eg3d.config import RenderingConfig
from adapter.eg3d.decoder import Decoder
from adapter.eg3d.plane_lookup import lookup
from adapter.eg3d.planes import Planes
from adapter.eg3d.ray_marching import march_weights
from adapter.eg3d.rays import camera_rays, ray_range
from adapter.eg3d.sampling import importance_depths, importance_draws, stratified_depths
from adapter.utils.parallel import each, even_spans

MAX_POINTS = {"cpu": 2**15, "cuda": 2**23}
"""Points per chunk by kind of device. Bounds the memory of a render; on a CPU, to what its caches hold."""
MARGIN = 3
"""Rays within this distance, in pixels, of one that hits something are traced as well."""


class RayTracer:
    """Samples the planes along the rays of some cameras, at depths that one decoder chooses without gradient.

    Deterministic: where EG3D draws jitter and importance samples, this follows the fixed rules of `sampling`.

    Args:
        planes: of N latents.
        cameras: labels [N, 25].
        resolution: side R of the image.
        decoder: its densities decide where importance samples lie and which rays are empty.
        every_ray: also trace the rays that the configuration allows to leave out as empty.

    Attributes:
        places: as in `Samples`.
    """

    def __init__(
        self,
        planes: Planes,
        cameras: Tensor,
        resolution: int,
        decoder: Decoder,
        config: RenderingConfig,
        every_ray: bool = False,
    ) -> None:
        self.planes, self.decoder, self.config = planes, decoder, config
        self.places: Tensor | None = None
        # 1. Rays, and stratified depths along each.
        self.origins, self.directions = camera_rays(cameras, resolution)
        start, end = (bound.detach() for bound in ray_range(self.origins, self.directions, config))
        self.coarse = stratified_depths(start, end, config.samples, disparity=config.disparity)
        self.weights: Tensor | None = None
        if config.importance_samples:
            # 2. Coarse pass: weights of the intervals between these depths.
            self.weights = torch.cat(each(self._weigh, self.chunks(), cameras.device), dim=1)
            # 3. Leave out empty rays (ours).
            if config.empty_below and not every_ray:
                self._leave_out_empty_rays(self.weights)

    def chunks(self) -> list[slice]:
        """All traced rays, divided evenly into as few chunks as hold `MAX_POINTS` each."""
        views, rays, _ = self.origins.shape
        points = MAX_POINTS.get(self.origins.device.type, MAX_POINTS["cuda"])
        most = max(1, points // (views * (self.config.samples + self.config.importance_samples)))
        return even_spans(rays, -(-rays // most))

    def trace(self, rays: slice) -> tuple[Tensor, Tensor]:
        """Sorted depths [N, M, S] of some rays, and the plane features [N, M, S, C] there."""
        depths = self.coarse[:, rays]
        # 4. Importance samples, sorted in among the coarse ones.
        if self.weights is not None:
            draws = importance_draws(self.config.importance_samples, self.config.fine_rule, depths.device)
            fine = importance_depths(depths, self.weights[:, rays], draws, bins=self.config.importance_bins)
            depths = torch.cat([depths, fine], dim=-1).sort(dim=-1).values
        # 5. Features at all of them; reading the coarse ones again costs less than sorting features.
        return depths, self._read(rays, depths)

    @torch.no_grad()
    def _weigh(self, rays: slice) -> Tensor:
        """Weights [N, M, S - 1] of the intervals between coarse samples."""
        coarse = self.coarse[:, rays]
        return march_weights(self.decoder.density(self._read(rays, coarse)), coarse)

    def _leave_out_empty_rays(self, weights: Tensor) -> None:
        hit = hit_rays(weights.sum(dim=-1), self.config.empty_below)
        count = max(1, int(hit.sum(dim=1).max()))
        self.places = torch.where(hit, hit.cumsum(dim=1) - 1, count)
        kept = hit.sort(dim=1, descending=True, stable=True).indices[:, :count, None]
        self.origins, self.directions, self.coarse, self.weights = (
            x.take_along_dim(kept, dim=1) for x in (self.origins, self.directions, self.coarse, weights)
        )

    def _read(self, rays: slice, depths: Tensor) -> Tensor:
        """Plane features [N, M, S, C] at depths [N, M, S]."""
        points = torch.addcmul(self.origins[:, rays, None], self.directions[:, rays, None], depths[..., None])
        return lookup(self.planes, points.flatten(1, 2), self.config.box_warp).unflatten(1, depths.shape[1:])


def hit_rays(opacity: Tensor, empty_below: float) -> Tensor:
    """Which rays may hit something [N, R * R], by their opacity [N, R * R] at coarse samples.

    Rays within `MARGIN` of one that hits something count too, because thin things lie between coarse samples.
    """
    side = round(opacity.shape[1] ** 0.5)
    image = opacity.view(-1, 1, side, side)
    return F.max_pool2d(image, 2 * MARGIN + 1, stride=1, padding=MARGIN).flatten(1) >= empty_below

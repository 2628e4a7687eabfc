"""The ground truth of the evaluation on photographic people: the true style, painted over the base's own renders."""

import dataclasses
import functools

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from adapter.eg3d.camera import cameras_around_front
from adapter.eg3d.generator import Generator
from adapter.evaluation.classifier import Classifier
from adapter.synthetic.faces.portrait import take_portrait
from adapter.synthetic.faces.view import view_of
from adapter.synthetic.ground_truth import PLAIN
from adapter.synthetic.styles import STYLES, View
from adapter.synthetic.styles.style import prompts

_REFERENCE_SEED = 50_000
_REFERENCE_PSI = 0.8
_REFERENCE_ANGLES = (-0.22, 0.03)
_KEPT_VIEWS = 256


class FacesGroundTruth:
    """True pictures of latents of a base of photographic people; see `adapter.evaluation.eval_set.GroundTruth`.

    Args:
        generator: the base.
        classifier: tells the attributes of the source, which a target should keep.
    """

    people = True

    def __init__(self, generator: Generator, classifier: Classifier) -> None:
        self.generator, self.classifier = generator, classifier
        self.styles: tuple[str, ...] = tuple(STYLES)
        self._views = functools.lru_cache(_KEPT_VIEWS)(self._view)

    def latents(self, count: int, seed: int) -> Tensor:
        """Latents [count, z] drawn from N(0, I)."""
        random = torch.Generator().manual_seed(seed)
        return torch.randn(count, self.generator.config.z_dim, generator=random)

    def reference(self, style: str, size: int) -> Tensor:
        """A style's reference [1, 3, size, size] in [-1, 1]: each style has its own identity."""
        random = torch.Generator().manual_seed(_REFERENCE_SEED + self.styles.index(style))
        ws = self.generator.sample_ws(torch.randn(1, self.generator.config.z_dim, generator=random), _REFERENCE_PSI)
        camera = cameras_around_front(self.generator.config, *_REFERENCE_ANGLES).to(ws.device)
        return _tensor(STYLES[style].draw(view_of(take_portrait(self.generator, ws, camera, size))))[None]

    def images(self, style: str, latents: Tensor, cameras: Tensor, colors: Tensor | None = None) -> Tensor:
        """True pictures [N, 3, S, S] in [-1, 1].

        Args:
            style: name of a style, "plain" for none.
            latents: z [N, z].
            cameras: labels [N, 25].
            colors: images [N, 3, S, S] that replace the base's own before the style is applied.

        Raises:
            UserError: a render shows no face.
        """
        pictures = []
        for index, (z, camera) in enumerate(zip(latents, cameras, strict=True)):
            view = self._of(z, camera)
            if colors is not None:
                view = dataclasses.replace(view, color=_picture(colors[index]))
            pictures.append(_tensor(view.color if style == PLAIN else STYLES[style].draw(view)))
        return torch.stack(pictures)

    def shape(self, latents: Tensor, cameras: Tensor, side: int) -> tuple[Tensor, Tensor]:
        """Distance and coverage [N, 1, side, side] of the base's own renders."""
        views = [self._of(z, camera) for z, camera in zip(latents, cameras, strict=True)]
        depth, mask = (
            torch.from_numpy(np.stack([getattr(view, name) for view in views]))[:, None] for name in ("depth", "mask")
        )
        inside = (depth > 0).float()
        covered = F.adaptive_avg_pool2d(inside, side)
        return F.adaptive_avg_pool2d(depth * inside, side) / covered.clamp_min(1e-6), F.adaptive_avg_pool2d(mask, side)

    def labels(self, latents: Tensor, attribute: str) -> list[str]:
        """What the classifier finds in the sources of latents [N, z] from the front."""
        fronts = cameras_around_front(self.generator.config, torch.zeros(len(latents)))
        images = self.images(PLAIN, latents, fronts).to(self.generator.device)
        return self.classifier.predict(self.classifier.features(images).pooled, attribute)

    def prompt(self, style: str) -> str:
        """The plainest prompt of a style."""
        return prompts()[style]["training"][0]

    def _of(self, z: Tensor, camera: Tensor) -> View:
        return self._views(z.cpu().numpy().tobytes(), camera.cpu().numpy().tobytes())

    def _view(self, z: bytes, camera: bytes) -> View:
        latent, label = (torch.from_numpy(np.frombuffer(part, np.float32).copy())[None] for part in (z, camera))
        ws = self.generator.sample_ws(latent)
        return view_of(take_portrait(self.generator, ws, label.to(ws.device)))


def _picture(image: Tensor) -> np.ndarray:
    return (image.detach().cpu().clamp(-1, 1).permute(1, 2, 0).numpy() * 0.5 + 0.5).astype(np.float32)


def _tensor(picture: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1))) * 2 - 1

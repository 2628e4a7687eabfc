"""The ground truth of the evaluation: identities of the embedded base, rendered and styled without any network."""

import dataclasses
import functools

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from adapter.synthetic.heads.attributes import edit, sample_latent
from adapter.synthetic.heads.facts import FACTS, facts_of
from adapter.synthetic.heads.render import HeadRender, orbit_camera, render
from adapter.synthetic.styles import STYLES, View
from adapter.synthetic.styles.style import prompts

PLAIN = "plain"
"""Name of the render without a style."""
ATTRIBUTES: dict[str, tuple[str, tuple[int, ...]]] = {
    "sex": ("sex", (0, 1)),
    "age": ("age", (0, 1, 1, 2)),
    "hair colour": ("hair colour", (0, 0, 1, 2, 3)),
    "glasses": ("glasses", (0, 1)),
    "beard": ("beard", (0, 1)),
}
"""The classifier's attributes of a person: the fact, and for each of its values the index of the class."""
CLASSES: dict[str, tuple[str, ...]] = {
    "sex": ("man", "woman"),
    "age": ("child", "adult", "elderly"),
    "hair colour": ("dark", "brown", "blond", "grey"),
    "glasses": ("no", "yes"),
    "beard": ("no", "yes"),
}
_REFERENCE_SEED = 50_000
_REFERENCE_FACE = {"glasses": -1.0, "smile": 0.6, "mouth_open": -1.0}
_REFERENCE_ANGLES = (-0.22, 0.03)
_KEPT_RENDERS = 256


def class_of(facts: np.ndarray, attribute: str) -> np.ndarray:
    """Indices of an attribute's true classes [...], from facts [..., F]."""
    fact, classes = ATTRIBUTES[attribute]
    return np.array(classes)[facts[..., list(FACTS).index(fact)]]


class HeadsGroundTruth:
    """True pictures and labels of latents of the base `heads`; see `adapter.evaluation.eval_set.GroundTruth`.

    Args:
        size: side of the pictures in pixels.
    """

    people = False

    def __init__(self, size: int = 128) -> None:
        self.size = size
        self.styles: tuple[str, ...] = tuple(STYLES)
        self._rendered = functools.lru_cache(_KEPT_RENDERS)(self._render)

    def latents(self, count: int, seed: int) -> Tensor:
        """Latents [count, 32] drawn from N(0, I), without heads whose glasses are ambiguous."""
        rng = np.random.default_rng(seed)
        return torch.from_numpy(np.stack([sample_latent(rng) for _ in range(count)]))

    def reference(self, style: str, size: int) -> Tensor:
        """A style's reference [1, 3, size, size]: each style has its own identity, without glasses."""
        rng = np.random.default_rng(_REFERENCE_SEED + self.styles.index(style))
        z = edit(sample_latent(rng), **_REFERENCE_FACE).astype(np.float32)
        camera = orbit_camera(*_REFERENCE_ANGLES)[None]
        larger = HeadsGroundTruth(size)
        return larger.images(style, torch.from_numpy(z)[None], torch.from_numpy(camera))

    def images(self, style: str, latents: Tensor, cameras: Tensor, colors: Tensor | None = None) -> Tensor:
        """True pictures [N, 3, S, S] in [-1, 1].

        Args:
            style: name of a style, "plain" for none.
            latents: z [N, 32].
            cameras: labels [N, 25].
            colors: images [N, 3, S, S] that replace the render's colors before the style is applied;
                shape, normals and segments stay the render's.
        """
        pictures = []
        for index, (z, camera) in enumerate(zip(latents.cpu().numpy(), cameras.cpu().numpy(), strict=True)):
            head = self._rendered(z.astype(np.float32).tobytes(), camera.astype(np.float32).tobytes())
            view = View.of(head, camera[None])
            if colors is not None:
                view = _recolored(view, _picture(colors[index]))
            if style != PLAIN:
                pictures.append(STYLES[style].draw(view))
            else:
                pictures.append(head.color[0] if colors is None else _picture(colors[index]))
        return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous() * 2 - 1

    def shape(self, latents: Tensor, cameras: Tensor, side: int) -> tuple[Tensor, Tensor]:
        """True distance and coverage [N, 1, side, side] of latents z [N, 32] seen from labels [N, 25]."""
        depths, masks = [], []
        for z, camera in zip(latents.cpu().numpy(), cameras.cpu().numpy(), strict=True):
            head = self._rendered(z.astype(np.float32).tobytes(), camera.astype(np.float32).tobytes())
            depths.append(head.depth)
            masks.append(head.mask)
        depth, mask = (torch.from_numpy(np.stack(maps)) for maps in (depths, masks))
        inside = (depth > 0).float()
        # The background must not be averaged into a silhouette.
        covered = F.adaptive_avg_pool2d(inside, side)
        return F.adaptive_avg_pool2d(depth * inside, side) / covered.clamp_min(1e-6), F.adaptive_avg_pool2d(mask, side)

    def labels(self, latents: Tensor, attribute: str) -> list[str]:
        """True classes of an attribute for latents [N, 32]."""
        facts = np.stack([facts_of(z) for z in latents.cpu().numpy()])
        return [CLASSES[attribute][index] for index in class_of(facts, attribute)]

    def prompt(self, style: str) -> str:
        """The plainest prompt of a style."""
        return prompts()[style]["training"][0]

    def _render(self, z: bytes, camera: bytes) -> HeadRender:
        return render(np.frombuffer(z, np.float32), np.frombuffer(camera, np.float32)[None], self.size, threads=1)


def _picture(image: Tensor) -> np.ndarray:
    return (image.detach().cpu().clamp(-1, 1).permute(1, 2, 0).numpy() * 0.5 + 0.5).astype(np.float32)


def _recolored(view: View, picture: np.ndarray) -> View:
    """The same view with a picture's colors inside its silhouette, and their albedo under the same light."""
    color = np.where(view.inside[..., None], picture, view.color)
    albedo = np.clip(color / np.maximum(view.light, 0.2)[..., None], 0, 1)
    return dataclasses.replace(view, color=color, albedo=albedo.astype(np.float32))

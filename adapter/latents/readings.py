"""What is read of a render from the front: measures and labels, each without what goes with the ones before it.

People who smile narrow their eyes and have wider noses, so measures that are read one by one move together whatever an
edit does. Each is therefore counted beyond what those before it explain among people (Gram-Schmidt, ours): opening eyes
means more than a smile leaves open. A smile may narrow the eyes as much as smiles do. Expressions come first, then
labels, then what else is measured.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from adapter.eg3d import Generator
from adapter.encoders.encoder import ImageEncoder
from adapter.encoders.vgg import load_vgg
from adapter.latents.labels import LABELS, LabelReader, Labels, label_features, read_by_others
from adapter.latents.measures import EXPRESSIONS, MEASURES, measure
from adapter.latents.people import draw_people, looks
from adapter.media.images import to_uint8

PEOPLE = 240
"""People of seed 0 that tell how readings spread; labels are of the same ones."""
_LEAST_SHARE, _LEAST_VARIANCE = 1e-6, 1e-12  # that is a reading's own, so that one that repeats another does no harm


@dataclass(frozen=True)
class Readings:
    """Reads renders of a base's people.

    Attributes:
        about: name, low and high of each of the M readings.
        mean: of raw readings [M].
        unmix: [M, M], lower triangular: from raw readings to uncorrelated ones of standard deviation 1.
        vgg, labels: what reads labels; None where there are none.
    """

    about: tuple[tuple[str, str, str], ...]
    mean: NDArray[np.float64]
    unmix: NDArray[np.float64]
    vgg: ImageEncoder | None = None
    labels: LabelReader | None = None

    @classmethod
    @torch.no_grad()
    def of(
        cls,
        generator: Generator,
        folder: Path | None = None,
        people: int = PEOPLE,
        told: Callable[[int, int], object] | None = None,
    ) -> "Readings":
        """Learn what is read of a base, and how it spreads.

        Args:
            generator: the base.
            folder: with the `LABELS` of its people; None without.
            people: how many are rendered.
            told: is told how many of how many are done.

        Raises:
            UserError: a damaged file of labels.
        """
        labels = None if folder is None else Labels.load(folder / LABELS)
        vgg = None if labels is None else load_vgg().to(generator.device)
        values, features = [], []
        for done, ws in enumerate(draw_people(generator, people), start=1):
            (image,) = looks(generator, ws, [None])
            values.append(measure(to_uint8(image)[0]))
            if vgg is not None:
                features.append(label_features(vgg, image))
            if told is not None:
                told(done, people)
        raw, about = np.stack(values), tuple((each.name, each.low, each.high) for each in MEASURES)
        if labels is None:
            return cls(about, *_unmixing(raw))
        known, seen = labels.values[:people], torch.cat(features)[: len(labels.values)]
        read = np.full((people, known.shape[1]), np.nan)
        read[: len(known)] = read_by_others(seen, known)
        about = (*about[:EXPRESSIONS], *labels.about, *about[EXPRESSIONS:])
        return cls(about, *_unmixing(_in_order(raw, read)), vgg, LabelReader.fit(seen, known))

    @property
    def names(self) -> tuple[str, ...]:
        """Of the readings."""
        return tuple(name for name, _, _ in self.about)

    @torch.no_grad()
    def read(self, image: Tensor) -> NDArray[np.float64]:
        """Readings [M] of one image [1, 3, S, S] in [-1, 1]; NaN without a face."""
        raw = measure(to_uint8(image)[0])
        if self.vgg is not None and self.labels is not None:
            raw = _in_order(raw, self.labels.read(label_features(self.vgg, image))[0])
        return self.unmix @ (raw - self.mean)


def _in_order(measures: NDArray[np.float64], labels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Expressions, labels and the other measures [..., M + L] from measures [..., M] and labels [..., L]."""
    return np.concatenate([measures[..., :EXPRESSIONS], labels, measures[..., EXPRESSIONS:]], axis=-1)


def _unmixing(raw: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean, and what makes readings [N, M] uncorrelated in their order."""
    known = raw[np.isfinite(raw).all(axis=1)]
    if len(known) < 2:
        return np.zeros(raw.shape[1]), np.eye(raw.shape[1])
    covariance = np.cov(known.T).reshape(raw.shape[1], raw.shape[1])
    covariance += np.diag(np.maximum(_LEAST_SHARE * covariance.diagonal(), _LEAST_VARIANCE))
    return known.mean(axis=0), np.linalg.inv(np.linalg.cholesky(covariance))

"""Labels that somebody gave to people of a base, such as sex, age and glasses, read of other people's renders.

No measure of a face mesh tells them, so they are regressed on what VGG sees of a render from the front (ours).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from adapter.encoders.encoder import ImageEncoder
from adapter.errors import UserError
from adapter.latents.regression import FOLDS, ridge
from adapter.utils.storage import read_json

LABELS = "labels.json"
"""Beside a base: {"labels": [{"name", "low", "high", "values"}]}, a number or null for each of the first people."""
RIDGE = 0.3
"""Of the regression, as a share of the features' mean squared length; chosen by cross-validation on `faces`."""
LAYER, GRID = "relu3_3", 8
_LEAST_SPREAD = 1e-3


@dataclass(frozen=True)
class Labels:
    """What somebody said about the first people of a base.

    Attributes:
        about: name, low and high of each label, the last two as words.
        values: [N, L]; NaN where it could not be told.
    """

    about: tuple[tuple[str, str, str], ...]
    values: NDArray[np.float64]

    @classmethod
    def load(cls, path: Path) -> "Labels | None":
        """Read a `LABELS` file; None where there is none.

        Raises:
            UserError: a damaged file.
        """
        if not path.is_file():
            return None
        try:
            entries = read_json(path)["labels"]
            about = tuple((str(one["name"]), str(one["low"]), str(one["high"])) for one in entries)
            columns = [[np.nan if v is None else float(v) for v in one["values"]] for one in entries]
            return cls(about, np.array(columns, dtype=np.float64).T)
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{path.name} is damaged. Get a fresh copy.") from error


@dataclass(frozen=True)
class LabelReader:
    """Reads labels of renders.

    Attributes:
        mean, spread: of the features [F].
        weights: [F, L], of normalized features.
        offsets: [L].
    """

    mean: Tensor
    spread: Tensor
    weights: Tensor
    offsets: Tensor

    @classmethod
    def fit(cls, features: Tensor, labels: NDArray[np.float64]) -> "LabelReader":
        """Regress labels [N, L], NaN where unknown, on features [N, F]."""
        mean, spread = features.mean(dim=0), features.std(dim=0).clamp_min(_LEAST_SPREAD)
        x = ((features - mean) / spread).double()
        weights, offsets = [], []
        for column in labels.T:
            known = np.isfinite(column)
            y = torch.from_numpy(column[known])
            weights.append(ridge(x[torch.from_numpy(known)], (y - y.mean())[:, None], RIDGE)[:, 0])
            offsets.append(y.mean())
        return cls(mean, spread, torch.stack(weights, dim=1), torch.stack(offsets))

    def read(self, features: Tensor) -> NDArray[np.float64]:
        """Labels [N, L] of features [N, F]."""
        x = ((features - self.mean) / self.spread).double()
        return (x @ self.weights + self.offsets).numpy()


def label_features(vgg: ImageEncoder, image: Tensor) -> Tensor:
    """What labels are read of [N, F]: VGG's features of images [N, 3, S, S] in [-1, 1], averaged over a grid."""
    tokens = vgg.encode(image.clamp(-1, 1), [LAYER], embedding=False).tokens[LAYER]
    side = vgg.grid(LAYER)
    maps = tokens.transpose(1, 2).unflatten(2, (side, side))
    return F.adaptive_avg_pool2d(maps, GRID).flatten(1).cpu()


def read_by_others(features: Tensor, labels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Labels [N, L] of the labelled people, each read by a regression on others: how far reading spreads."""
    fold = np.arange(len(labels)) % FOLDS
    found = np.empty_like(labels)
    for k in range(FOLDS):
        others = LabelReader.fit(features[torch.from_numpy(fold != k)], labels[fold != k])
        found[fold == k] = others.read(features[torch.from_numpy(fold == k)])
    return found

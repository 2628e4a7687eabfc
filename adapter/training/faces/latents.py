"""Directions of pose in w, people without a pose, and the same people turned."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

POSE_SPACE, MAPPING, FRONT = "pose_space.npz", "mapping.npz", "front.npz"
"""Files of the data's folder beside the shards: the pose space, MobileStyleGAN's mapping, and its synthesis with the
grid that brings its pictures onto the XY plane."""
RIDGE = 50.0
"""Added to the squares of w in the regression of pose, so that a thousand people suffice."""
TRUNCATION = (0.5, 0.9)
"""Range of psi: less gives nearly the same person, more gives broken pictures."""
SIDE_YAW, FRONT_YAW = (0.25, 0.65), 0.12
"""Radians: views from the sides lie between the first two, frontal ones within the last of zero."""
PITCH_DEVIATION = 0.12
VIEWS = 4


@dataclass(frozen=True)
class PoseSpace:
    """How w carries pose, found by regression on random people.

    Attributes:
        mean: the average w [512].
        readers: linear maps [512, 2] from w - mean to yaw and pitch in radians, each less its average.
        movers: directions [512, 2] that turn a person by one radian of yaw and of pitch: E[w | angle].
        template: the mean face mesh [468, 3], see `pose.mean_template`.
        correlation: of readers that saw half of the people with the pose of the other half [2].
    """

    mean: NDArray
    readers: NDArray
    movers: NDArray
    template: NDArray
    correlation: NDArray

    def neutral(self, w: NDArray) -> NDArray:
        """Take the pose out of w [N, 512]: along ``movers``, until ``readers`` find none."""
        mixing = np.linalg.inv(self.readers.T @ self.movers)
        return w - ((w - self.mean) @ self.readers) @ mixing.T @ self.movers.T

    def turned(self, w: NDArray, asked: NDArray) -> NDArray:
        """Turn neutral w [N, 512] by yaw and pitch [N, 2] in radians."""
        return w + asked @ self.movers.T

    def save(self, path: Path) -> None:
        """Write everything into one npz file."""
        np.savez(path, **{name: value.astype(np.float32) for name, value in vars(self).items()})

    @classmethod
    def load(cls, path: Path) -> "PoseSpace":
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as stored:
            return cls(**{name: stored[name].astype(np.float64) for name in stored.files})


def find_pose_space(w: NDArray, angles: NDArray, mean: NDArray, template: NDArray) -> PoseSpace:
    """Regress pose on w.

    Args:
        w: [K, 512] of random people.
        angles: their yaw and pitch in radians [K, 2].
        mean: average w [512].
        template: mean face mesh.
    """
    offset, centered = w - mean, angles - angles.mean(axis=0)
    half = len(w) // 2
    guess = offset[half:] @ _ridge(offset[:half], centered[:half])
    correlation = np.array([np.corrcoef(guess[:, k], centered[half:, k])[0, 1] for k in range(2)])
    around = offset - offset.mean(axis=0)
    movers = (around.T @ centered) / np.square(centered).sum(axis=0)
    return PoseSpace(mean, _ridge(offset, centered), movers, template, correlation)


def _ridge(offset: NDArray, wanted: NDArray) -> NDArray:
    return np.linalg.solve(offset.T @ offset + RIDGE * np.eye(offset.shape[1]), offset.T @ wanted)


@dataclass(frozen=True)
class Draws:
    """What is drawn for P people: z [P, 512], psi [P], and the asked yaw and pitch [P, VIEWS, 2] in radians."""

    z: NDArray
    psi: NDArray
    asked: NDArray


def draw(seed: int, shard: int, people: int) -> Draws:
    """Draw people and views; one from either side, one frontal and one anywhere between."""
    rng = np.random.default_rng((seed, shard))
    z, psi = rng.standard_normal((people, 512)), rng.uniform(*TRUNCATION, people)
    low, high = SIDE_YAW
    yaw = np.stack(
        [
            rng.uniform(-high, -low, people),
            rng.uniform(-FRONT_YAW, FRONT_YAW, people),
            rng.uniform(low, high, people),
            rng.uniform(-high, high, people),
        ],
        axis=1,
    )
    pitch = rng.standard_normal((people, VIEWS)) * PITCH_DEVIATION
    return Draws(z, psi, np.stack([yaw, pitch], axis=-1))

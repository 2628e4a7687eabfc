"""How long jobs take: before they start, while they wait, and while they run."""

import time

from adapter.methods.offers import DEFAULT_ENCODER, seconds

OUTPUT_SECONDS = 12.0
"""Rendering and writing a result on 2 CPU cores, roughly."""
WRITING_SECONDS = 3.0
FILM_SECONDS = 10.0
"""Rendering and writing one of Explore's videos on 2 CPU cores, roughly."""
_LEAST_SECONDS = 3.0


def adaptation_seconds(method: str, preset: str, steps: int | None = None, encoder: str = DEFAULT_ENCODER) -> float:
    """Seconds that an adaptation takes with all its pictures and videos on 2 CPU cores, roughly.

    Raises:
        UserError: no such method or preset.
    """
    return seconds(method, preset, steps, encoder) + OUTPUT_SECONDS


def remaining(expected: float, started: float | None) -> float:
    """Seconds left of a job that started at that `time.monotonic`, or has not started where None."""
    if started is None:
        return expected
    return max(_LEAST_SECONDS, expected - (time.monotonic() - started))


class TimeLeft:
    """Estimates the time to the end of a running job: training, then one rendering per pose, then writing.

    Args:
        training: seconds that the training is expected to take.
        rendering: seconds that one pose took.
        poses: of the orbit.
    """

    def __init__(self, training: float, rendering: float, poses: int) -> None:
        self.training, self.poses = training, poses
        self.output = rendering * poses + WRITING_SECONDS
        self._began = time.perf_counter() - rendering
        self._rendered, self._rendering_began = 0, 0.0

    def in_training(self, training: float | None) -> float:
        """Seconds left of the job, given those left of the training, or the expected ones where None."""
        return (self.training if training is None else training) + self.output

    def fraction(self, left: float) -> float:
        """Share of the job that is done when ``left`` seconds are left."""
        spent = time.perf_counter() - self._began
        return spent / (spent + left)

    def start_rendering(self) -> None:
        """The orbit begins."""
        self._rendered, self._rendering_began = 0, time.perf_counter()

    def after_pose(self) -> float:
        """Seconds left after one more pose of the orbit."""
        self._rendered += 1
        each = (time.perf_counter() - self._rendering_began) / self._rendered
        return each * (self.poses - self._rendered) + WRITING_SECONDS

"""The state of a run, so that it can go on later as if it had never stopped."""

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from adapter.errors import UserError
from adapter.utils.storage import read_metadata, read_tensors, write_tensors

FORMAT = "3d-adapter-state"
FORMAT_VERSION = 3
GROUPS = ("weights", "average", "exp_avg", "exp_avg_sq", "kept")


@dataclass(frozen=True)
class TrainingState:
    """A run between two steps. Random draws follow from the seed and the step, so none need to be kept.

    Args:
        stage: index of the stage that comes next or is under way.
        step: steps of that stage already done.
        weights: all parameters of the parts by name.
        average: averaged weights of the parameters in training.
        exp_avg, exp_avg_sq: Adam's moments of the parameters in training.
        kept: what the losses and the trainer keep from step to step.
        identity: what must be the same for the run to go on: base, method, references, prompt, seed.
    """

    stage: int
    step: int
    weights: dict[str, Tensor]
    average: dict[str, Tensor]
    exp_avg: dict[str, Tensor]
    exp_avg_sq: dict[str, Tensor]
    kept: dict[str, Tensor]
    identity: dict[str, Any]

    def check(self, identity: Mapping[str, Any]) -> None:
        """Check that the state is one of the same run.

        Raises:
            UserError: says what differs.
        """
        differing = [key for key in identity if self.identity.get(key) != identity[key]]
        if differing:
            raise UserError(
                f"The saved run cannot go on here: it had another {' and another '.join(differing)}. "
                "Start anew, or use what it was started with."
            )

    def save(self, path: str | os.PathLike) -> None:
        """Write the state as one safetensors file, completely or not at all."""
        tensors = {f"{group}/{name}": value for group in GROUPS for name, value in getattr(self, group).items()}
        described = {"stage": self.stage, "step": self.step, "identity": self.identity}
        write_tensors(path, tensors, {"format": FORMAT, "version": str(FORMAT_VERSION), "state": json.dumps(described)})

    @classmethod
    def load(cls, path: str | os.PathLike) -> "TrainingState":
        """Read a saved state.

        Raises:
            UserError: another kind of file, another version, damaged or incomplete.
        """
        name = os.path.basename(path)
        header = read_metadata(path)
        if header.get("format") != FORMAT or header.get("version") != str(FORMAT_VERSION):
            raise UserError(f"{name} is not a saved run of this version of the program. Start the run anew.")
        groups: dict[str, dict[str, Tensor]] = {group: {} for group in GROUPS}
        try:
            described = json.loads(header["state"])
            for key, value in read_tensors(path).items():
                group, _, parameter = key.partition("/")
                groups[group][parameter] = value
            stage, step, identity = int(described["stage"]), int(described["step"]), dict(described["identity"])
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise UserError(f"{name} is damaged. Start the run anew.") from error
        return cls(stage=stage, step=step, identity=identity, **groups)

    def to_cpu(self) -> "TrainingState":
        """The same state with copies of all tensors on the CPU."""
        moved: dict[str, Any] = {
            group: {name: value.detach().to("cpu", copy=True) for name, value in getattr(self, group).items()}
            for group in GROUPS
        }
        return dataclasses.replace(self, **moved)

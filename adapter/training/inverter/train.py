"""Regression of extended latents from features; can be stopped and taken up again."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from adapter.latents.wplus_encoder import Head
from adapter.training.inverter.data import Pairs
from adapter.utils.storage import read_metadata, read_tensors, write_tensors

SPREAD_FLOOR = 1e-2


@dataclass(frozen=True)
class Settings:
    """Of one run."""

    steps: int = 2400
    batch: int = 64
    rate: float = 1.5e-3
    warmup: int = 50
    weight_decay: float = 0.05
    noise: float = 0.1  # added to features, in standard deviations
    own_share: float = 0.35  # of each batch are the base's own renders, which are fewer than the true ones
    angles: float = 0.3  # weight of the camera's squared error, in units of 0.3 radians
    seed: int = 0
    save_every: int = 400

    def rate_at(self, step: int) -> float:
        """Learning rate: linear rise, then a cosine down to a hundredth."""
        share = step / self.steps
        return self.rate * min(1, (step + 1) / self.warmup) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share)))


ANGLE_UNIT = 0.3


@torch.no_grad()
def measure(head: Head, pairs: Pairs, ws: Tensor, w_avg: Tensor) -> None:
    """Set the head's statistics of features and latents, in place.

    Args:
        pairs: the training set.
        ws: its extended latents [N, num_ws, w].
        w_avg: the generator's mean latent [w].
    """
    for name, features in (("near", pairs.near), ("far", pairs.far)):
        sample = torch.from_numpy(features[:: max(1, len(features) // 2000)]).float()
        getattr(head, f"{name}_mean").copy_(sample.mean((0, 2, 3)))
        getattr(head, f"{name}_spread").copy_(sample.std((0, 2, 3)) + SPREAD_FLOOR)
    head.w_avg.copy_(w_avg)
    head.w_spread.copy_((ws - w_avg).square().mean((0, 1)).sqrt() + SPREAD_FLOOR)


def train(
    head: Head,
    pairs: Pairs,
    ws: Tensor,
    settings: Settings,
    state: Path,
    identity: str,
    report: Callable[[str], None],
    own: int | None = None,
) -> None:
    """Train the head in place; goes on from `state` where that file is of the same run.

    The loss is the squared error of the latents in units of each channel's standard deviation (ours; pSp also
    compares re-rendered images, which costs a renderer's backward pass a step).

    Args:
        head: with its statistics set.
        pairs: features and angles.
        ws: extended latents [N, num_ws, w].
        settings: of the run.
        state: file that is rewritten every `save_every` steps.
        identity: tells runs apart: base, data, settings.
        report: gets a line now and then.
        own: how many of the pairs, the first ones, are the base's own renders; None where all are.
    """
    head.requires_grad_(True).train()
    decayed = [p for p in head.parameters() if p.ndim > 1]
    plain = [p for p in head.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": settings.weight_decay}, {"params": plain, "weight_decay": 0.0}],
        betas=(0.9, 0.99),
    )
    first = _restore(head, optimizer, state, identity)
    near, far, angles = torch.from_numpy(pairs.near), torch.from_numpy(pairs.far), torch.from_numpy(pairs.angles)
    spread = head.w_spread
    smooth = None
    for step in range(first, settings.steps):
        for group in optimizer.param_groups:
            group["lr"] = settings.rate_at(step)
        random = torch.Generator().manual_seed(settings.seed * 1_000_003 + step)
        rows = _rows(settings, len(pairs), own, random)
        seen = [
            x + settings.noise * s[:, None, None] * torch.randn(x.shape, generator=random)
            for x, s in ((near[rows].float(), head.near_spread), (far[rows].float(), head.far_spread))
        ]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed + step)
            predicted, turned = head(*seen)
        error = ((predicted - ws[rows]) / spread).square().mean()
        turn = ((turned - angles[rows]) / ANGLE_UNIT).square().mean()
        loss = error + settings.angles * turn
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        smooth = error.item() if smooth is None else 0.98 * smooth + 0.02 * error.item()
        if (step + 1) % 100 == 0:
            report(f"step {step + 1} of {settings.steps}: w error {smooth:.3f}, angle error {turn.item():.4f}")
        if (step + 1) % settings.save_every == 0 or step + 1 == settings.steps:
            _save(head, optimizer, state, identity, step + 1)
    head.requires_grad_(False).eval()


def _rows(settings: Settings, count: int, own: int | None, random: torch.Generator) -> Tensor:
    """Indices of a batch: the first `own` pairs take their share of it, whatever their number."""
    if own is None or own == count:
        return torch.randint(count, (settings.batch,), generator=random)
    share = round(settings.own_share * settings.batch)
    return torch.cat(
        [
            torch.randint(own, (share,), generator=random),
            torch.randint(own, count, (settings.batch - share,), generator=random),
        ]
    )


def _save(head: Head, optimizer: torch.optim.AdamW, state: Path, identity: str, step: int) -> None:
    tensors = {f"head/{name}": value for name, value in head.state_dict().items()}
    for name, parameter in head.named_parameters():
        for key, moment in optimizer.state[parameter].items():
            tensors[f"optimiser/{name}/{key}"] = moment
    write_tensors(state, tensors, {"identity": identity, "step": str(step)})


def _restore(head: Head, optimizer: torch.optim.AdamW, state: Path, identity: str) -> int:
    """Read a state of the same run; the step to go on from, 0 for a fresh run."""
    if not state.exists() or read_metadata(state).get("identity") != identity:
        return 0
    tensors = read_tensors(state)
    head.load_state_dict({name[5:]: value for name, value in tensors.items() if name.startswith("head/")})
    for name, parameter in head.named_parameters():
        optimizer.state[parameter] = {
            key: tensors[f"optimiser/{name}/{key}"] for key in ("step", "exp_avg", "exp_avg_sq")
        }
    return int(read_metadata(state)["step"])

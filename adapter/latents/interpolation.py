"""Walks between people: great arcs in z, straight lines in w."""

from typing import Literal

import torch
from torch import Tensor

Space = Literal["z", "w"]
SMALLEST_ANGLE = 1e-4


def slerp(start: Tensor, end: Tensor, share: Tensor | float) -> Tensor:
    """Between two latents along the great arc, where random latents live (Shoemake 1985; White 2016).

    The norm goes linearly from one to the other. Opposite latents, whose arc is not defined, take the straight way.

    Args:
        start, end: [..., D].
        share: 0 gives start, 1 gives end; a number or [...].
    """
    share = torch.as_tensor(share, dtype=start.dtype, device=start.device)[..., None]
    norms = [x.norm(dim=-1, keepdim=True) for x in (start, end)]
    units = [x / norm.clamp_min(1e-12) for x, norm in zip((start, end), norms, strict=True)]
    angle = (units[0] * units[1]).sum(-1, keepdim=True).clamp(-1, 1).acos()
    sine = angle.sin()
    arc = (units[0] * ((1 - share) * angle).sin() + units[1] * (share * angle).sin()) / sine.clamp_min(1e-12)
    arc = arc * torch.lerp(norms[0], norms[1], share)
    return torch.where(sine > SMALLEST_ANGLE, arc, torch.lerp(start, end, share))


def walk(keys: Tensor, frames: int, space: Space = "z", loop: bool = True) -> Tensor:
    """Pass by people one after the other at even speed.

    Args:
        keys: latents z [K, z], or codes [K, w] or [K, num_ws, w].
        frames: per leg, counting the start of the leg but not its end.
        space: "z" walks on great arcs, "w" on straight lines.
        loop: go back from the last to the first, so that a video of it repeats without a seam; a single person
            stands still.

    Returns:
        [K * frames, ...] with ``loop``, else [(K - 1) * frames + 1, ...]: the last person ends the walk.

    Raises:
        ValueError: no person, no frame, or an unknown space.
    """
    if not len(keys) or frames < 1:
        raise ValueError("A walk needs at least one person and one frame per leg.")
    if space not in ("z", "w"):
        raise ValueError(f"There is no latent space {space!r}. Choose z or w.")
    ends = torch.cat([keys[1:], keys[:1]]) if loop else keys[1:]
    shares = torch.arange(frames, dtype=keys.dtype, device=keys.device) / frames
    legs = []
    for start, end in zip(keys, ends, strict=False):
        if space == "z":
            legs.append(slerp(start.expand(frames, *start.shape), end.expand(frames, *end.shape), shares))
        else:
            legs.append(torch.lerp(start, end, shares.reshape(-1, *[1] * start.dim())))
    if not loop:
        legs.append(keys[-1:])
    return torch.cat(legs)


def along(keys: Tensor, positions: Tensor) -> Tensor:
    """Codes [F, ...] on the straight lines from person to person and back to the first.

    Args:
        keys: codes in w of K people [K, ...].
        positions: [F]; 0 is the first person, 1.5 is half-way from the second to the third, K is the first again.
    """
    leg = positions.floor()
    share = (positions - leg).to(keys).reshape(-1, *[1] * (keys.dim() - 1))
    start = leg.long().to(keys.device) % len(keys)
    return torch.lerp(keys[start], keys[(start + 1) % len(keys)], share)

"""How far a target's shape moved from its source's."""

import torch
from torch import Tensor


def depth_drift(source: Tensor, target: Tensor, source_opacity: Tensor, target_opacity: Tensor) -> Tensor:
    """Mean absolute difference of depth per scene [N], in world units, where both show a surface.

    Scale-free: the target's depths are first multiplied by the ratio of the two medians, as a face that is a little
    nearer as a whole has kept its shape. Scenes without a common surface give NaN.

    Args:
        source, target: distances [N, 1, R, R].
        source_opacity, target_opacity: [N, 1, R, R] in [0, 1].
    """
    result = []
    for a, b, front in zip(source, target, (source_opacity > 0.9) & (target_opacity > 0.9), strict=True):
        a, b = a[front], b[front]
        result.append((a - b * (a.median() / b.median())).abs().mean() if len(a) else a.new_tensor(torch.nan))
    return torch.stack(result)

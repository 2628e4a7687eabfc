"""Ours: targets of pictures without color have none either, whatever the losses reach.

Of a drawing in pencil, losses of colors leave tints and fringes of the source's colors. So where the references differ
in brightness alone, all channels of the target's image are computed by the same weights; one tint of all pixels, such
as that of the paper, is left to the last biases.
"""

from typing import cast

import torch

from adapter.eg3d import Parts
from adapter.eg3d.blocks import ToRgb
from adapter.eg3d.layers import FullyConnected

COLORS = slice(1, 4)
"""Rows of the decoder's last layer that give the raw image; the density's comes before them."""


@torch.no_grad()
def share_colors(parts: Parts, tint: bool = False) -> None:
    """Give all channels the mean of their weights, in the parts that are being trained.

    Args:
        parts: changed in place.
        tint: whether to take away what tint all pixels have, too, for a start without any.
    """
    last = cast(FullyConnected, parts.decoder.net[2])
    shared = [last.weight[COLORS], last.bias[COLORS]] if last.weight.requires_grad else []
    if parts.background is not None and parts.background.requires_grad:
        shared.append(parts.background[:3])
    for module in parts.superresolution.modules():
        if isinstance(module, ToRgb) and module.weight.requires_grad:
            shared += [module.weight, *([module.bias] if tint else [])]
    for rows in shared:
        rows.copy_(rows.mean(dim=0, keepdim=True).expand_as(rows))

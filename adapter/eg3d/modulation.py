"""Whether weights or features are cheaper to modulate."""

from torch import Tensor


def moves_less_memory(weight: Tensor, x: Tensor, doubles: bool) -> bool:
    """Whether modulating weights [O, I, k, k] moves less memory than scaling a convolution's inputs and its outputs.

    Args:
        x: inputs [N, I, H, W].
        doubles: whether the outputs have twice the side.
    """
    outputs, inputs = weight.shape[:2]
    pixels = x.shape[2] * x.shape[3]
    return 2 * weight.numel() < pixels * (inputs + outputs * (4 if doubles else 1))

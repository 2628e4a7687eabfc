"""The decoder's weights as plain tensors, in the form that rendering works with."""

from typing import NamedTuple

from torch import Tensor


class DecoderWeights(NamedTuple):
    """A decoder's weights with every gain multiplied in, density and colors apart.

    ``hidden`` [H, C], ``hidden_bias`` [H], ``density`` [H], ``density_bias`` [], ``color`` [F, H], ``color_bias``
    [F].
    """

    hidden: Tensor
    hidden_bias: Tensor
    density: Tensor
    density_bias: Tensor
    color: Tensor
    color_bias: Tensor

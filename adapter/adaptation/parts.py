"""The replaceable parts of a generator as one flat table of named parameters."""

from torch import Tensor, nn

from adapter.adaptation.methods import PARTS
from adapter.eg3d import Parts


def named_parameters(parts: Parts) -> dict[str, nn.Parameter]:
    """Every trainable parameter of the parts by dotted name, such as "decoder.net.0.weight"."""
    return {
        f"{part}.{name}": parameter for part in PARTS for name, parameter in getattr(parts, part).named_parameters()
    }


def set_parameters(parts: Parts, values: dict[str, Tensor]) -> None:
    """Copy values into the parameters of the same names; the rest stays."""
    parameters = named_parameters(parts)
    for name, value in values.items():
        parameters[name].data.copy_(value)

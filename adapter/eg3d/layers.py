"""The primitive layers of StyleGAN2 (Karras et al. 2020): equalised linear maps and FIR resampling."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ACTIVATION_GAIN = math.sqrt(2.0)


def leaky_relu(x: Tensor) -> Tensor:
    """Leaky ReLU of slope 0.2 with the variance-keeping gain sqrt(2)."""
    return F.leaky_relu(x, 0.2) * ACTIVATION_GAIN


def normalize_rms(x: Tensor) -> Tensor:
    """Divide each row of ``x`` [N, D] by its root mean square."""
    return x * (x.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()


def normal(*shape: int, deviation: float = 1.0) -> Tensor:
    """Draw initial values from N(0, deviation^2).

    Nothing is drawn on the meta device: arithmetic there imports torch's compiler, which takes seconds.
    """
    values = torch.empty(shape)
    return values if values.is_meta else values.normal_(0.0, deviation)


class FullyConnected(nn.Module):
    """Linear layer with an equalised learning rate; weight [out, in], bias [out].

    The stored weight is larger than the effective one by 1 / ``lr_multiplier``, which slows its training.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        activate: bool = False,
        lr_multiplier: float = 1.0,
        bias_init: float = 0.0,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(normal(outputs, inputs, deviation=1 / lr_multiplier))
        self.bias = nn.Parameter(torch.full((outputs,), bias_init / lr_multiplier))
        self.activate = activate
        self.bias_gain = lr_multiplier
        self.weight_gain = lr_multiplier / math.sqrt(inputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map [..., in] to [..., out], in the inputs' precision."""
        y = F.linear(x, (self.weight * self.weight_gain).to(x.dtype), (self.bias * self.bias_gain).to(x.dtype))
        return leaky_relu(y) if self.activate else y


class Remodulated(nn.Module):
    """An affine layer and a second one beside it, reading the second half of w: s + gain * s' (DoRM).

    The second one starts at zero (ours), so that the whole starts as the first.
    """

    def __init__(self, own: FullyConnected, gain: float) -> None:
        super().__init__()
        outputs, inputs = own.weight.shape
        self.own, self.gain = own, gain
        # Made on the meta device, since zeros need no draws from the global random numbers.
        with torch.device("meta"):
            self.shift = FullyConnected(inputs, outputs)
        self.shift.to_empty(device=own.weight.device)
        for parameter in self.shift.parameters():
            nn.init.zeros_(parameter)

    def forward(self, w: Tensor) -> Tensor:
        """Map [N, 2 in] to [N, out]."""
        first, second = w.chunk(2, dim=-1)
        return self.own(first) + self.gain * self.shift(second)


def resample_filter() -> Tensor:
    """The 4x4 low-pass filter, [1, 3, 3, 1] against itself, summing to one."""
    taps = (1, 3, 3, 1)
    return torch.tensor([[row * column / sum(taps) ** 2 for column in taps] for row in taps])


def upsample_image(image: Tensor, *, replicate: bool = False) -> Tensor:
    """Double the side of [N, C, H, W]: zero insertion, then the 4x4 filter with gain 4.

    Equal to bilinear interpolation of the image padded with zeros, which is what runs here; with ``replicate`` the
    border is continued instead.
    """
    if replicate:
        return F.interpolate(image, scale_factor=2, mode="bilinear", align_corners=False)
    padded = F.pad(image, (1, 1, 1, 1))
    return F.interpolate(padded, scale_factor=2, mode="bilinear", align_corners=False)[:, :, 2:-2, 2:-2]


def conv2d_resample(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    fir: Tensor | None = None,
    replicate: bool = False,
) -> Tensor:
    """Convolution that keeps the side of [N, I, H, W], or doubles it.

    Args:
        weight: [O, I, k, k].
        bias: [O].
        fir: low-pass filter [4, 4]. If given, a transposed convolution of stride 2 is followed by it, with gain 4.
        replicate: continue the border instead of padding with zeros; k must be 3.
    """
    if replicate:
        x = F.pad(x, (1, 1, 1, 1), mode="replicate")
    if fir is None:
        return F.conv2d(x, weight, bias, padding=0 if replicate else weight.shape[-1] // 2)
    y = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2, padding=1 if replicate else 0)
    per_channel = (fir * 4).to(y.dtype).expand(len(weight), 1, 4, 4)
    # For the gradient of a bias inside, oneDNN computes the filter's as well, which took a quarter of a step of G2.
    apart = bias is not None and bias.requires_grad and y.device.type == "cpu"
    y = F.conv2d(y, per_channel, None if apart else bias, padding=0 if replicate else 1, groups=len(weight))
    return y.add_(bias[:, None, None]) if bias is not None and apart else y

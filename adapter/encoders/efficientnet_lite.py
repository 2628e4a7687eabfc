"""A frozen EfficientNet-Lite that is quick to differentiate with respect to its input.

Adaptation encodes two images per step on two cores. Batch norms are folded into the convolutions, pointwise
convolutions run as matrix products over channels-last pixels, and one autograd node covers the whole network:
nothing is kept for weights that do not train. About half the time of plain autograd on a CPU, with equal results.
"""

import itertools
import math
import operator
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.utils.fusion import fuse_conv_bn_weights


class FrozenEfficientNetLite(nn.Module):
    """The trunk of a timm EfficientNet made of inverted residuals with ReLU6 and TensorFlow padding ("lite").

    Call it with normalized images [N, 3, S, S] and a depth. It returns the outputs of the stem and of the first `depth`
    stages as [N, C, H, W]; with `depth` = `len(stages)` + 1 also the pooled head as [N, C].
    """

    def __init__(self, trunk: Any) -> None:
        """Fold a trunk.

        Args:
            trunk: timm EfficientNet in evaluation mode, left unchanged.

        Raises:
            ValueError: the trunk holds layers other than the ones named above.
        """
        super().__init__()
        self.stem = FoldedConvolution(trunk.conv_stem, trunk.bn1)
        self.stages = nn.ModuleList(nn.ModuleList(InvertedResidual(block) for block in stage) for stage in trunk.blocks)
        self.head = FoldedConvolution(trunk.conv_head, trunk.bn2)
        self.channels = (
            trunk.conv_stem.out_channels,
            *(stage[-1].project.weight.shape[0] for stage in self.blocks),
            trunk.conv_head.out_channels,
        )
        self.strides = self._strides()

    @property
    def blocks(self) -> list[list["InvertedResidual"]]:
        """The blocks of every stage."""
        return [cast(list[InvertedResidual], list(cast(nn.ModuleList, stage))) for stage in self.stages]

    def _strides(self) -> tuple[int, ...]:
        """Pixels per token of the stem and of every stage."""
        factors = [math.prod(block.depthwise.stride for block in stage) for stage in self.blocks]
        return tuple(itertools.accumulate(factors, operator.mul, initial=self.stem.stride))

    def forward(self, images: Tensor, depth: int) -> tuple[Tensor, ...]:
        """Return the outputs of the stem, of the first `depth` stages, and of the head where depth exceeds them.

        Second derivatives are not available.
        """
        return _Trunk.apply(images, self, depth)


class FoldedConvolution(nn.Module):
    """Weight and bias of a convolution with the batch norm after it folded in; no forward of its own."""

    weight: Tensor
    bias: Tensor

    def __init__(self, convolution: Any, norm: Any) -> None:
        super().__init__()
        if convolution.dilation != (1, 1) or convolution.groups not in (1, convolution.in_channels):
            raise ValueError("Only plain and depthwise convolutions without dilation can be folded.")
        if not hasattr(norm, "running_mean"):
            raise ValueError("A batch norm must follow each convolution.")
        weight, bias = fuse_conv_bn_weights(
            convolution.weight,
            convolution.bias,
            norm.running_mean,
            norm.running_var,
            norm.eps,
            norm.weight,
            norm.bias,
        )
        folded = weight.detach()[:, :, 0, 0] if convolution.kernel_size == (1, 1) else weight.detach()
        self.register_buffer("weight", folded.clone(), persistent=False)
        self.register_buffer("bias", bias.detach().clone(), persistent=False)
        self.kernel = convolution.kernel_size[0]
        self.stride = convolution.stride[0]


class InvertedResidual(nn.Module):
    """Expansion, depthwise and projection of one block; expansion is None in the first stage."""

    flipped: Tensor

    def __init__(self, block: Any) -> None:
        super().__init__()
        if not isinstance(block.se, nn.Identity) or not isinstance(block.bn1.act, nn.ReLU6):
            raise ValueError("Only blocks with ReLU6 and without squeeze-and-excitation are supported.")
        self.expand: FoldedConvolution | None = None
        if hasattr(block, "conv_pwl"):
            self.expand = FoldedConvolution(block.conv_pw, block.bn1)
            self.depthwise = FoldedConvolution(block.conv_dw, block.bn2)
            self.project = FoldedConvolution(block.conv_pwl, block.bn3)
        else:
            self.depthwise = FoldedConvolution(block.conv_dw, block.bn1)
            self.project = FoldedConvolution(block.conv_pw, block.bn2)
        flipped = self.depthwise.weight.flip(2, 3).contiguous()
        self.register_buffer("flipped", flipped, persistent=False)
        self.residual = bool(block.has_skip)


class _Trunk(torch.autograd.Function):
    """The network as one node. Kept for the backward pass: activations after each ReLU6, as gates."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, network: FrozenEfficientNetLite, depth: int) -> tuple[Tensor, ...]:
        ctx.set_materialize_grads(False)
        ctx.network, ctx.depth, ctx.input_size = network, depth, images.shape[-1]
        images = images.contiguous(memory_format=torch.channels_last)
        stem = network.stem
        x = F.conv2d(_pad(images, stem.kernel, stem.stride), stem.weight, stem.bias, stem.stride).clamp_(0, 6)
        outputs, kept = [x], []
        for stage in network.blocks[:depth]:
            for block in stage:
                wide = x if block.expand is None else _pointwise(x, block.expand).clamp_(0, 6)
                thin = _depthwise(wide, block.depthwise).clamp_(0, 6)
                kept += [wide, thin]
                projected = _pointwise(thin, block.project)
                x = projected.add_(x) if block.residual else projected
            outputs.append(x)
        if depth > len(network.stages):
            last = _pointwise(x, network.head).clamp_(0, 6)
            kept.append(last)
            outputs.append(last.mean((2, 3)))
        ctx.save_for_backward(outputs[0], *kept)
        return tuple(outputs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, None, None]:
        network = ctx.network
        stem, *kept = ctx.saved_tensors
        gradient = None
        if ctx.depth > len(network.stages):
            last = kept.pop()
            if gradients[-1] is not None:
                spread = (gradients[-1] / last[0, 0].numel())[:, :, None, None].expand_as(last)
                gradient = _pointwise_transposed(_gate(spread, last), network.head)
        stages = network.blocks[: ctx.depth]
        for stage, arriving in zip(reversed(stages), reversed(gradients[1 : len(stages) + 1]), strict=True):
            gradient = _sum(gradient, arriving)
            for block in reversed(stage):
                thin, wide = kept.pop(), kept.pop()
                if gradient is None:
                    continue
                inner = _gate(_pointwise_transposed(gradient, block.project), thin)
                inner = _depthwise_transposed(inner, block, wide.shape[-1])
                if block.expand is not None:
                    inner = _pointwise_transposed(_gate(inner, wide), block.expand)
                gradient = inner.add_(gradient) if block.residual else inner
        gradient = _sum(gradient, gradients[0])
        if gradient is None:
            return None, None, None
        return _stem_transposed(_gate(gradient, stem), network.stem, ctx.input_size), None, None


def _same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's "same": pixels before and after, the odd one after."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def _pad(x: Tensor, kernel: int, stride: int) -> Tensor:
    before, after = _same_padding(x.shape[-1], kernel, stride)
    return F.pad(x, (before, after, before, after)) if before or after else x


def _pointwise(x: Tensor, convolution: FoldedConvolution) -> Tensor:
    return F.linear(x.permute(0, 2, 3, 1), convolution.weight, convolution.bias).permute(0, 3, 1, 2)


def _pointwise_transposed(gradient: Tensor, convolution: FoldedConvolution) -> Tensor:
    return (gradient.permute(0, 2, 3, 1) @ convolution.weight).permute(0, 3, 1, 2)


def _depthwise(x: Tensor, convolution: FoldedConvolution) -> Tensor:
    before, after = _same_padding(x.shape[-1], convolution.kernel, convolution.stride)
    if before != after:
        x, before = F.pad(x, (before, after, before, after)), 0
    return F.conv2d(x, convolution.weight, convolution.bias, convolution.stride, before, groups=x.shape[1])


def _depthwise_transposed(gradient: Tensor, block: InvertedResidual, size: int) -> Tensor:
    kernel, stride, groups = block.depthwise.kernel, block.depthwise.stride, gradient.shape[1]
    if stride == 1:  # a convolution with the flipped kernel, for which the forward path is faster
        return F.conv2d(gradient, block.flipped, None, 1, kernel // 2, groups=groups)
    before, _ = _same_padding(size, kernel, stride)
    full = F.conv_transpose2d(gradient, block.depthwise.weight, None, stride, groups=groups)
    return _crop(full, before, size)


def _stem_transposed(gradient: Tensor, stem: FoldedConvolution, size: int) -> Tensor:
    before, _ = _same_padding(size, stem.kernel, stem.stride)
    return _crop(F.conv_transpose2d(gradient, stem.weight, None, stem.stride), before, size)


def _crop(x: Tensor, before: int, size: int) -> Tensor:
    """Cut the padding off; pixels that no window reached have no gradient."""
    missing = max(before + size - x.shape[-1], 0)
    return F.pad(x, (0, missing, 0, missing))[:, :, before : before + size, before : before + size]


def _gate(gradient: Tensor, activation: Tensor) -> Tensor:
    """Gradient of ReLU6 by its output."""
    return torch.ops.aten.hardtanh_backward(gradient, activation, 0.0, 6.0)


def _sum(*gradients: Tensor | None) -> Tensor | None:
    present = [gradient for gradient in gradients if gradient is not None]
    return None if not present else present[0] if len(present) == 1 else present[0] + present[1]

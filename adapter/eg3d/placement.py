"""A base on the device that it runs on, in the precision that suits the device."""

import functools

import torch

from adapter.eg3d.generator import Generator

LEAST_SIDE_IN_BF16 = 256
"""Pixels of a base's pictures from which on a CPU trains in bf16: of smaller ones conversions eat up the gain."""


def place(generator: Generator, device: torch.device | str) -> Generator:
    """Move a base to a device.

    On a GPU its decoder and super-resolution compute in bf16, which has fp32's range and needs no scaling of losses;
    weights, mapping and backbone stay in fp32. Pixels differ from fp32's by less than 2 % of their range.

    Returns:
        The same generator.
    """
    generator.to(device)
    on_gpu = generator.device.type != "cpu"
    if on_gpu:
        set_cuda_precision(tf32=True)
    return generator.compute_in(torch.bfloat16 if on_gpu else torch.float32)


def training_dtype(generator: Generator) -> torch.dtype:
    """The precision in which a target's super-resolution computes while it is trained; what is shown is rendered anew.

    On a CPU with instructions for bf16, large pictures take about half the time in it. Weights stay in fp32.
    """
    if generator.device.type != "cpu" or generator.config.image_resolution < LEAST_SIDE_IN_BF16:
        return generator.superresolution.dtype
    return torch.bfloat16 if cpu_has_bf16() else torch.float32


@functools.cache
def cpu_has_bf16() -> bool:
    """Whether the processor multiplies bf16 by itself; PyTorch has no public way to ask."""
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, lambda: False)() for name in names)


def set_cuda_precision(tf32: bool) -> None:
    """Say how CUDA computes in fp32, for the whole process.

    Convolutions may round their inputs to TF32; other products may not, as CLIP's embeddings would move by about as
    much as an edit. Shapes repeat, so the fastest of cuDNN's kernels are searched for.

    Args:
        tf32: False for comparisons with a CPU.
    """
    torch.backends.cudnn.allow_tf32 = tf32
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.benchmark = True

"""A base on the device that it runs on, in the precision that suits the device."""

import torch

from adapter.eg3d.generator import Generator


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

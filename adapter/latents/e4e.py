"""e4e for FFHQ (Tov et al. 2021): an encoder to StyleGAN2's W+, which DiFa's L_scc compares images by.

Written from the published description: IR-SE-50 (ArcFace's improved ResNet-50 with squeeze-and-excitation), a
pyramid of its last three sizes, and one small convolutional head per row whose output is added to the first row's.
Names and shapes follow the published checkpoint; this was checked against its description, not against the file,
which cannot be reached from where this was written.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adapter.errors import UserError
from adapter.utils.storage import read_tensors

REPOSITORY, FILE = "wmpscc/StyleGene", "e4e_ffhq_encode.safetensors"
"""Where the converted file is looked for in the Hub's cache: pickles are never opened here."""
INPUT_SIZE, WIDTH, ROWS = 256, 512, 18
STAGES = ((64, 64, 3), (64, 128, 4), (128, 256, 14), (256, 512, 3))
"""Input channels, output channels and number of the blocks of each stage."""
TAPS = (6, 20, 23)
"""Blocks after which the pyramid reads: 64, 32 and 16 pixels a side."""
COARSE, MIDDLE = 3, 7
"""First rows that read the 32 and the 64 pixel level."""


class E4e(nn.Module):
    """Images [N, 3, S, S] in [-1, 1] to StyleGAN2 codes [N, 18, 512]; differentiable with respect to the images."""

    renders = False

    def __init__(self) -> None:
        super().__init__()
        self.input_layer = nn.Sequential(nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.PReLU(64))
        blocks = []
        for inputs, outputs, count in STAGES:
            blocks.append(Bottleneck(inputs, outputs, 2))
            blocks += [Bottleneck(outputs, outputs, 1) for _ in range(count - 1)]
        self.body = nn.Sequential(*blocks)
        sizes = [16] * COARSE + [32] * (MIDDLE - COARSE) + [64] * (ROWS - MIDDLE)
        self.styles = nn.ModuleList(RowHead(size) for size in sizes)
        self.latlayer1 = nn.Conv2d(256, WIDTH, 1)
        self.latlayer2 = nn.Conv2d(128, WIDTH, 1)
        self.register_buffer("latent_avg", torch.zeros(ROWS, WIDTH))

    def forward(self, images: Tensor) -> Tensor:
        """Encode."""
        if images.shape[-1] != INPUT_SIZE:
            images = F.interpolate(images, (INPUT_SIZE, INPUT_SIZE), mode="bilinear", antialias=True)
        x = self.input_layer(images)
        levels = []
        for index, block in enumerate(self.body):
            x = block(x)
            if index in TAPS:
                levels.append(x)
        fine, middle, coarse = levels
        second = _add(coarse, self.latlayer1(middle))
        third = _add(second, self.latlayer2(fine))
        sources = [coarse] * COARSE + [second] * (MIDDLE - COARSE) + [third] * (ROWS - MIDDLE)
        first, *offsets = [head(source) for head, source in zip(self.styles, sources, strict=True)]
        rows = [first, *(first + offset for offset in offsets)]
        return torch.stack(rows, dim=1) + self.latent_avg


class Bottleneck(nn.Module):
    """Improved residual block with squeeze-and-excitation (Deng et al. 2019)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        if inputs == outputs:
            self.shortcut_layer: nn.Module = nn.MaxPool2d(1, stride)
        else:
            self.shortcut_layer = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(inputs),
            nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False),
            nn.PReLU(outputs),
            nn.Conv2d(outputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            Excitation(outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Residual plus shortcut."""
        return self.res_layer(x) + self.shortcut_layer(x)


class Excitation(nn.Module):
    """Scale channels by what their means say (Hu et al. 2018)."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // reduction, 1, bias=False)
        self.fc2 = nn.Conv2d(channels // reduction, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Scaled features."""
        return x * torch.sigmoid(self.fc2(F.relu(self.fc1(x.mean((2, 3), keepdim=True)))))


class RowHead(nn.Module):
    """Halve a level until one pixel is left, then an equalised linear layer (Karras et al. 2018)."""

    def __init__(self, size: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for _ in range(size.bit_length() - 1):
            layers += [nn.Conv2d(WIDTH, WIDTH, 3, 2, 1), nn.LeakyReLU()]
        self.convs = nn.Sequential(*layers)
        self.linear = Equalised(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """Level [N, 512, size, size] to a row [N, 512]."""
        return self.linear(self.convs(x).flatten(1))


class Equalised(nn.Module):
    """Linear layer whose weight is scaled by the inverse root of its inputs when it runs."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Apply."""
        return F.linear(x, self.weight / self.weight.shape[1] ** 0.5, self.bias)


def load_e4e(path: str | Path | None = None) -> E4e | None:
    """Load e4e from a safetensors file with the published names ("encoder." before each, and "latent_avg").

    Args:
        path: the file; where None, the Hub's cache is searched for `FILE`.

    Returns:
        The encoder, frozen, or None where no such file lies in the cache. Nothing is downloaded.

    Raises:
        UserError: a file that is damaged or does not fit.
    """
    path = path or _cached()
    if path is None:
        return None
    with torch.device("meta"):
        model = E4e()
    names = {("" if name == "latent_avg" else "encoder.") + name: name for name in model.state_dict()}
    found = {names[name]: value for name, value in read_tensors(path).items() if name in names}
    average = found.get("latent_avg")
    if average is not None and average.shape == (WIDTH,):
        found["latent_avg"] = average.repeat(ROWS, 1)
    missing = sorted(set(names.values()) - set(found))
    misfit = [name for name, value in model.state_dict().items() if name in found and found[name].shape != value.shape]
    if missing or misfit:
        raise UserError(
            f"{Path(path).name} is not e4e for FFHQ at 1024 pixels: {(missing + misfit)[0]} is missing or of another "
            "shape. Remove the file, or get a fresh copy."
        )
    floats = {name: value.float() if value.is_floating_point() else value for name, value in found.items()}
    model.load_state_dict(floats, assign=True)
    return model.eval().requires_grad_(False)


def _cached() -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(REPOSITORY, FILE)
    return Path(found) if isinstance(found, str) else None


def _add(small: Tensor, large: Tensor) -> Tensor:
    """A level of the pyramid: the one above, enlarged, plus this one."""
    return F.interpolate(small, large.shape[-2:], mode="bilinear", align_corners=True) + large

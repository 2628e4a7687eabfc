"""3x3 convolutions with four times fewer multiplications (Winograd's F(4x4, 3x3)), for processors without a GPU.

A tile of 4x4 outputs reads a window of 6x6 inputs. Both windows and filters are taken to the values of polynomials at
6x6 points, where the convolution is a plain product, and the products back to outputs (Lavin & Gray 2016). Doubling
the side folds the low-pass filter into four 3x3 filters, one for each parity of the output's row and column. A strip
of tiles stays in the processor's cache from its windows to its activated outputs and their colours.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from adapter.utils.parallel import each, spans

TILE, TAPS = 4, 3
WINDOW = TILE + TAPS - 1
POINTS = (0.0, 1.0, -1.0, 0.5, -2.0)
"""Where polynomials are read, besides infinity: the choice with small rounding errors (Barabasz et al. 2020)."""
STRIP = 128
"""Tiles per strip: enough rows for matrix products to run at full speed, few enough to stay in the cache."""
LEAST_CHANNELS = 128
LEAST_PIXELS = 4096


@dataclass(frozen=True)
class Finish:
    """What follows a convolution's sums.

    Attributes:
        bias: [O].
        noise: added to every channel, [H', W'] of the output.
        slope: of the leaky ReLU below zero.
        limit: outputs are clamped to [-limit, limit].
        colours: 1x1 filter [K, O] that reads the finished outputs; none where None.
    """

    bias: Tensor
    noise: Tensor | None = None
    slope: float = 1.0
    limit: float | None = None
    colours: Tensor | None = None


def pays(weight: Tensor, x: Tensor, up: bool) -> bool:
    """Whether `convolve` is the faster way for features ``x`` [N, I, H, W] and ``weight`` [O, I, k, k], as measured.

    Few channels spend more time on the way to the points and back than the products save; few pixels, on the filters.
    """
    outputs, inputs, side = weight.shape[:3]
    products = outputs * (4 if up else 1)
    wide = outputs >= LEAST_CHANNELS and (up or inputs >= LEAST_CHANNELS)
    return side == TAPS and wide and x.shape[2] * x.shape[3] >= max(LEAST_PIXELS, 8 * inputs, 8 * products)


def convolve(
    x: Tensor,
    weight: Tensor,
    finish: Finish,
    *,
    up: bool = False,
    fir: Tensor | None = None,
    replicate: bool = False,
    keep: bool = True,
) -> tuple[Tensor | None, Tensor | None]:
    """Convolve one sample and finish it, without gradient.

    Args:
        x: features [1, I, H, W].
        weight: [O, I, 3, 3].
        up, fir, replicate: as in `layers.convolution`.
        keep: whether the outputs themselves are wanted, or only their colours.

    Returns:
        The outputs [1, O, H', W'] and their colours [1, K, H', W'], each None where not wanted.
    """
    height, width = x.shape[2:]
    scale = 2 if up else 1
    windows = _windows(height, width)
    rows, columns = (TILE * scale * count for count in windows.index.shape[1:])
    plan = _Plan(
        pixels=x.permute(0, 2, 3, 1).reshape(height * width, -1),
        windows=windows,
        filters=_filters(weight, fir if up else None),
        bias=finish.bias.repeat(scale**2),
        noise=_extended(finish.noise, rows, columns),
        finish=finish,
        scale=scale,
        replicate=replicate,
    )
    crop = slice(height * scale), slice(width * scale)
    made = colours = None
    if keep:
        made = x.new_empty(1, rows, columns, len(weight)).permute(0, 3, 1, 2)
    if finish.colours is not None:
        colours = x.new_empty(1, len(finish.colours), rows, columns)
    images = tuple(image if image is None else image[0].permute(1, 2, 0) for image in (made, colours))
    each(lambda part: _fill(plan, part, *images), spans(len(plan.strips)))
    return tuple(image if image is None else image[..., *crop] for image in (made, colours))


@dataclass(frozen=True)
class _Windows:
    """Numbers [36, rows, columns] of the pixels that each tile reads, the border continued; which lie beyond it."""

    index: Tensor
    beyond: Tensor


@dataclass(frozen=True)
class _Plan:
    pixels: Tensor
    windows: _Windows
    filters: Tensor
    bias: Tensor
    noise: Tensor | None
    finish: Finish
    scale: int
    replicate: bool

    @property
    def strips(self) -> list[slice]:
        """Rows of tiles that are worked on at a time."""
        _, rows, columns = self.windows.index.shape
        step = max(1, STRIP // columns)
        return [slice(first, min(first + step, rows)) for first in range(0, rows, step)]


def _fill(plan: _Plan, part: slice, made: Tensor | None, colours: Tensor | None) -> None:
    """Work off some strips, in the same memory again and again."""
    inputs, outputs, columns = plan.pixels.shape[1], plan.filters.shape[2], plan.windows.index.shape[2]
    strips = plan.strips[part]
    most = columns * max(strip.stop - strip.start for strip in strips)
    # Sums take the place of the windows that they came from.
    sizes = max(WINDOW**2 * inputs, TILE**2 * outputs), WINDOW**2 * inputs, WINDOW**2 * outputs
    memory = [plan.pixels.new_empty(most * size) for size in sizes]
    to_points, to_outputs = _transforms()
    for strip in strips:
        tiles = columns * (strip.stop - strip.start)
        windows, values = (space[: WINDOW**2 * tiles * inputs].view(-1, tiles, inputs) for space in memory[:2])
        products = memory[2][: WINDOW**2 * tiles * outputs].view(-1, tiles, outputs)
        sums = memory[0][: TILE**2 * tiles * outputs].view(-1, tiles * outputs)
        _read(plan, strip, windows.flatten(0, 1))
        torch.mm(to_points, windows.flatten(1), out=values.flatten(1))
        torch.bmm(values, plan.filters, out=products)
        # A product at the points (1, 1) reaches every output of its tile alike.
        products[WINDOW + 1] += plan.bias
        torch.mm(to_outputs, products.flatten(1), out=sums)
        shape = (TILE, TILE, strip.stop - strip.start, columns, plan.scale, plan.scale, -1)
        _finish(sums.view(shape), plan, strip, made, colours)


def _read(plan: _Plan, strip: slice, windows: Tensor) -> None:
    torch.index_select(plan.pixels, 0, plan.windows.index[:, strip].reshape(-1), out=windows)
    if not plan.replicate:
        beyond = plan.windows.beyond[:, strip].reshape(-1).nonzero()[:, 0]
        windows.index_fill_(0, beyond, 0)


def _finish(sums: Tensor, plan: _Plan, strip: slice, made: Tensor | None, colours: Tensor | None) -> None:
    """Finish sums [4, 4, rows, columns, s, s, O] in place, and put them where the image has them."""
    finish = plan.finish
    if plan.noise is not None:
        _as_image(sums).add_(_strip_of(plan.noise, sums, strip))
    if finish.slope != 1:
        F.leaky_relu(sums, finish.slope, inplace=True)
    if finish.limit is not None:
        sums.clamp_(-finish.limit, finish.limit)
    if made is not None:
        _strip_of(made, sums, strip).copy_(_as_image(sums))
    if colours is not None:
        seen = finish.colours @ sums.flatten(0, -2).T
        _strip_of(colours, sums, strip).copy_(_as_image(seen.T.unflatten(0, sums.shape[:-1])))


def _as_image(sums: Tensor) -> Tensor:
    """Rows of tiles, rows in a tile, row parities; the same for columns; channels."""
    return sums.permute(2, 0, 4, 3, 1, 5, 6)


def _strip_of(image: Tensor, sums: Tensor, strip: slice) -> Tensor:
    """The part of ``image`` [H', W', K] that a strip covers, in the order of `_as_image`."""
    scale = sums.shape[4]
    side = TILE * scale
    part = image[strip.start * side : strip.stop * side]
    return part.view(sums.shape[2], TILE, scale, sums.shape[3], TILE, scale, -1)


def _extended(noise: Tensor | None, rows: int, columns: int) -> Tensor | None:
    """Noise [H', W'] over whole tiles [rows, columns, 1]."""
    if noise is None:
        return None
    height, width = noise.shape
    return F.pad(noise, (0, columns - width, 0, rows - height))[..., None]


@lru_cache(maxsize=16)
def _windows(height: int, width: int) -> _Windows:
    # Built outside of inference mode, as the cache outlives it.
    with torch.inference_mode(False):
        places, outside = [], []
        for size in (height, width):
            place = torch.arange(WINDOW)[:, None] + torch.arange(0, size, TILE) - 1
            outside.append((place < 0) | (place >= size))
            places.append(place.clamp(0, size - 1))
        index = places[0][:, None, :, None] * width + places[1][None, :, None, :]
        beyond = outside[0][:, None, :, None] | outside[1][None, :, None, :]
        return _Windows(index.flatten(0, 1).int(), beyond.flatten(0, 1))


def _filters(weight: Tensor, fir: Tensor | None) -> Tensor:
    """Values [36, I, O], or [36, I, 4 O] with a low-pass filter [4, 4], of filters [O, I, 3, 3] at the points."""
    outputs, inputs = weight.shape[:2]
    rule = _filter_rule()[None] if fir is None else _filter_rule() @ _parity_rule(fir)
    values = rule.transpose(0, 1).flatten(0, 1).float() @ weight.permute(2, 3, 1, 0).reshape(TAPS**2, -1)
    values = values.view(WINDOW**2, -1, inputs, outputs)
    return values.transpose(1, 2).reshape(WINDOW**2, inputs, -1)


def _parity_rule(fir: Tensor) -> Tensor:
    """Which 3x3 filters [4, 9, 9] equal a transposed convolution of stride 2 and ``fir`` with gain 4, by parity.

    Output 2 k + p sums fir[m] t[2 k + p - 1 + m], and t[i] sums w[j] x[(i - j) / 2]; so x[k + a] meets w[j] times
    fir[2 a + j + 1 - p].
    """
    parity, place, tap = torch.meshgrid(torch.arange(2), torch.arange(-1, 2), torch.arange(TAPS), indexing="ij")
    # Places beyond the filter read the zeros around it.
    met = (2 * place + tap + 1 - parity + 2).clamp(0, 8)
    spread = F.pad(fir.double() * 4, (2, 3, 2, 3))
    rule = spread[met[:, None, :, None, :, None], met[None, :, None, :, None, :]]
    return rule.reshape(4, TAPS**2, TAPS**2)


@lru_cache(maxsize=1)
def _filter_rule() -> Tensor:
    """Filters to values at the points: [36, 9], in double precision."""
    with torch.inference_mode(False):
        rows = []
        for point in POINTS:
            norm = math.prod(point - other for other in POINTS if other != point)
            rows.append([point**power / norm for power in range(TAPS)])
        rows.append([0.0] * (TAPS - 1) + [1.0])
        return _square(rows)


@lru_cache(maxsize=1)
def _transforms() -> tuple[Tensor, Tensor]:
    """Windows to values at the points [36, 36], and products there to outputs [16, 36]."""
    with torch.inference_mode(False):
        to_points = [_without(point) for point in POINTS] + [_without(None)]
        to_outputs = [[point**power for point in POINTS] + [float(power == TILE - 1)] for power in range(TILE)]
        return _square(to_points).float(), _square(to_outputs).float()


def _without(left_out: float | None) -> list[float]:
    """Coefficients, low to high, of the product of (x - point) over all points but one."""
    made = [1.0]
    for point in POINTS:
        if point != left_out:
            made = [low - point * high for low, high in zip([0.0, *made], [*made, 0.0], strict=True)]
    return made + [0.0] * (WINDOW - len(made))


def _square(rows: list[list[float]]) -> Tensor:
    """The rule for both directions at once."""
    along = torch.tensor(rows, dtype=torch.float64)
    return torch.kron(along, along)

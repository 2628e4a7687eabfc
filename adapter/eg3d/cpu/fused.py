"""Decoding and marching in one go, a few rays at a time, so that nothing in between leaves the processor's cache.

The same sums as `Decoder` followed by `accumulate`, which take over where their conditions do not hold.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from adapter.eg3d.cpu import fast
from adapter.eg3d.decoder import COLOUR_GAIN, COLOUR_SHIFT, Decoder, DecoderWeights, hidden_and_density
from adapter.eg3d.ray_marching import Marched, accumulate, march_weights, middles, sample_weights

CACHED_UNITS = 2**19
"""Hidden units per piece: two megabytes, about what the second-level caches of two cores hold."""
NEGLIGIBLE = 1e-20


def decode_and_march(decoder: Decoder, features: Tensor, depths: Tensor, noise: Tensor | None = None) -> Marched:
    """Decode plane features [N, M, S, C] at sorted ``depths`` [N, M, S] and march them.

    Differentiable in features, the decoder's weights and (the plain way) depths. ``noise`` [N, M, S] is added to raw
    densities.
    """
    grows = torch.is_grad_enabled()
    if noise is not None or not fast(features) or (grows and depths.requires_grad):
        density, colours = decoder(features)
        return accumulate(density if noise is None else density + noise, colours, depths)
    weights = decoder.weights()
    lead, samples = depths.shape[:2], depths.shape[2]
    rows, sorted_depths = features.reshape(-1, features.shape[-1]), depths.reshape(-1, samples)
    if grows and (features.requires_grad or any(weight.requires_grad for weight in weights)):
        marched = _DecodeAndMarch.apply(rows, sorted_depths, *weights)
    else:
        marched = _join([_march_piece(*piece, weights).marched for piece in _pieces(rows, sorted_depths, weights)])
    return Marched(*(part.unflatten(0, lead) for part in marched))


class _Piece(NamedTuple):
    features: Tensor
    depths: Tensor
    hidden: Tensor
    density: Tensor
    shades: Tensor
    weights: Tensor
    marched: Marched


def _pieces(rows: Tensor, depths: Tensor, weights: DecoderWeights) -> list[tuple[Tensor, Tensor]]:
    samples = depths.shape[1]
    rays = max(1, CACHED_UNITS // (len(weights.hidden) * samples))
    return list(zip(rows.split(rays * samples), depths.split(rays), strict=True))


def _join(marched: list[Marched]) -> Marched:
    return Marched(*map(torch.cat, zip(*marched, strict=True)))


def _march_piece(features: Tensor, depths: Tensor, weights: DecoderWeights) -> _Piece:
    hidden, density = hidden_and_density(features, weights)
    density = density.view_as(depths)
    shades = torch.addmm(weights.colour_bias, hidden, weights.colour.T).sigmoid_()
    intervals = march_weights(density, depths)
    opacity, shares = intervals.sum(dim=-1), sample_weights(intervals)
    index = torch.arange(shares.numel(), dtype=torch.int32).view_as(shares)
    colours = F.embedding_bag(index, shades, mode="sum", per_sample_weights=shares)
    colours.mul_(COLOUR_GAIN).add_(opacity[:, None], alpha=COLOUR_SHIFT)
    marched = Marched(colours, (intervals * middles(depths)).sum(dim=-1), opacity)
    return _Piece(features, depths, hidden, density, shades, shares, marched)


class _DecodeAndMarch(torch.autograd.Function):
    """Keeps each piece's hidden units and colours, and goes backward piece by piece, mostly in place."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, depths: Tensor, *weights: Tensor) -> tuple[Tensor, ...]:
        ctx.decoder = DecoderWeights(*(weight.detach() for weight in weights))
        ctx.pieces = [_march_piece(*piece, ctx.decoder) for piece in _pieces(rows.detach(), depths, ctx.decoder)]
        return tuple(_join([piece.marched for piece in ctx.pieces]))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        of_features, of_decoder = ctx.needs_input_grad[0], any(ctx.needs_input_grad[2:])
        rays = [len(piece.depths) for piece in ctx.pieces]
        pulled, totals = [], [torch.zeros_like(weight) for weight in ctx.decoder]
        for piece, *wanted in zip(ctx.pieces, *(gradient.split(rays) for gradient in gradients), strict=True):
            back, shares = _pull_back(piece, Marched(*wanted), ctx.decoder, of_decoder)
            if of_features:
                pulled.append(back @ ctx.decoder.hidden)
            if of_decoder:
                totals = [total.add_(share) for total, share in zip(totals, shares, strict=True)]
        return torch.cat(pulled) if of_features else None, None, *(totals if of_decoder else [None] * len(totals))


def _pull_back(
    piece: _Piece, wanted: Marched, decoder: DecoderWeights, of_decoder: bool
) -> tuple[Tensor, list[Tensor]]:
    """Gradients of a piece: of the hidden layer before its activation [K, H], and of the decoder's weights."""
    rays, samples = piece.depths.shape
    colours = wanted.colours * COLOUR_GAIN
    tinted = piece.shades.view(rays, samples, -1) * colours[:, None]
    shares = middles(tinted.sum(dim=-1))
    shares += (wanted.opacity + COLOUR_SHIFT * wanted.colours.sum(dim=-1))[:, None]
    shares += wanted.distance[:, None] * middles(piece.depths)
    with torch.enable_grad():
        density = piece.density.detach().requires_grad_()
        (of_density,) = torch.autograd.grad(march_weights(density, piece.depths), density, shares)
    # Far from any surface gradients shrink to denormal numbers, which processors handle a hundred times slower.
    of_density = F.hardshrink(of_density.reshape(-1), NEGLIGIBLE)
    tinted = tinted.mul_(piece.weights[..., None]).flatten(0, 1)
    of_logits = tinted.addcmul_(tinted, piece.shades, value=-1)
    back = torch.addcmul(of_logits @ decoder.colour, of_density[:, None], decoder.density)
    slope = piece.hidden.neg().exp_()
    back.addcmul_(back, slope, value=-1)
    if not of_decoder:
        return back, []
    return back, [
        (piece.features.T @ back).T,
        back.sum(dim=0),
        of_density @ piece.hidden,
        of_density.sum(),
        of_logits.T @ piece.hidden,
        of_logits.sum(dim=0),
    ]

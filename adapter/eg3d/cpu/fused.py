"""Decoding and marching a few rays at a time, so that nothing in between leaves the processor's cache."""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from adapter.eg3d.cpu import eligible, native
from adapter.eg3d.decoder import COLOR_GAIN, COLOR_SHIFT, Decoder, hidden_and_density
from adapter.eg3d.decoder_weights import DecoderWeights
from adapter.eg3d.ray_marching import Marched, march_weights, midpoints, sample_weights

CACHED_UNITS = 2**19
"""Hidden units per piece: two megabytes, about what the second-level caches of two cores hold."""
NEGLIGIBLE = 1e-20


def decode_and_march(decoder: Decoder, features: Tensor, depths: Tensor) -> Marched | None:
    """`adapter.eg3d.rendering.decode_and_march`, differentiable in features and decoder alone."""
    needs_grad = torch.is_grad_enabled()
    if not eligible(features) or (needs_grad and depths.requires_grad):
        return None
    weights = decoder.weights()
    lead, samples = depths.shape[:2], depths.shape[2]
    rows, sorted_depths = features.reshape(-1, features.shape[-1]), depths.reshape(-1, samples)
    if (compiled := native.march(rows, sorted_depths, weights)) is not None:
        marched = Marched(*compiled)
    elif needs_grad and (features.requires_grad or any(weight.requires_grad for weight in weights)):
        marched = Marched(*_DecodeAndMarch.apply(rows, sorted_depths, *weights))
    else:
        marched = _join([_march_piece(*piece, weights).marched for piece in _pieces(rows, sorted_depths, weights)])
    return Marched(*(part.unflatten(0, lead) for part in marched))


class _Piece(NamedTuple):
    features: Tensor
    depths: Tensor
    hidden: Tensor
    density: Tensor
    sigmoids: Tensor
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
    sigmoids = torch.addmm(weights.color_bias, hidden, weights.color.T).sigmoid_()
    intervals = march_weights(density, depths)
    opacity, shares = intervals.sum(dim=-1), sample_weights(intervals)
    index = torch.arange(shares.numel(), dtype=torch.int32).view_as(shares)
    colors = F.embedding_bag(index, sigmoids, mode="sum", per_sample_weights=shares)
    colors.mul_(COLOR_GAIN).add_(opacity[:, None], alpha=COLOR_SHIFT)
    marched = Marched(colors, (intervals * midpoints(depths)).sum(dim=-1), opacity)
    return _Piece(features, depths, hidden, density, sigmoids, shares, marched)


class _DecodeAndMarch(torch.autograd.Function):
    """Keeps each piece's hidden units and colors, and goes backward piece by piece, mostly in place."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, depths: Tensor, *weights: Tensor) -> tuple[Tensor, ...]:
        ctx.decoder = DecoderWeights(*(weight.detach() for weight in weights))
        ctx.pieces = [_march_piece(*piece, ctx.decoder) for piece in _pieces(rows.detach(), depths, ctx.decoder)]
        return tuple(_join([piece.marched for piece in ctx.pieces]))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        needs_features, needs_decoder = ctx.needs_input_grad[0], any(ctx.needs_input_grad[2:])
        if not needs_features and not any(ctx.needs_input_grad[2:6]):
            return None, None, None, None, None, None, *_color_gradients(ctx.pieces, gradients[0], ctx.decoder)
        rays = [len(piece.depths) for piece in ctx.pieces]
        grad_rows, totals = [], [torch.zeros_like(weight) for weight in ctx.decoder]
        for piece, *upstream in zip(ctx.pieces, *(gradient.split(rays) for gradient in gradients), strict=True):
            grad_hidden, shares = _piece_gradients(piece, Marched(*upstream), ctx.decoder, needs_decoder)
            if needs_features:
                grad_rows.append(grad_hidden @ ctx.decoder.hidden)
            if needs_decoder:
                totals = [total.add_(share) for total, share in zip(totals, shares, strict=True)]
        return (
            torch.cat(grad_rows) if needs_features else None,
            None,
            *(totals if needs_decoder else [None] * len(totals)),
        )


def _color_gradients(pieces: list[_Piece], colors: Tensor, decoder: DecoderWeights) -> list[Tensor]:
    """Gradients of the weights and of the bias of the colors alone, whose layer is the last one."""
    totals = [torch.zeros_like(decoder.color), torch.zeros_like(decoder.color_bias)]
    for piece, upstream in zip(pieces, colors.split([len(piece.depths) for piece in pieces]), strict=True):
        shares = piece.weights[..., None] * (upstream * COLOR_GAIN)[:, None]
        grad_logits = shares.flatten(0, 1).mul_(piece.sigmoids)
        grad_logits.addcmul_(grad_logits, piece.sigmoids, value=-1)
        totals[0].addmm_(grad_logits.T, piece.hidden)
        totals[1].add_(grad_logits.sum(dim=0))
    return totals


def _piece_gradients(
    piece: _Piece, upstream: Marched, decoder: DecoderWeights, needs_decoder: bool
) -> tuple[Tensor, list[Tensor]]:
    """Gradients of a piece: of the hidden layer before its activation [K, H], and of the decoder's weights."""
    rays, samples = piece.depths.shape
    weighted = piece.sigmoids.view(rays, samples, -1) * (upstream.colors * COLOR_GAIN)[:, None]
    grad_intervals = midpoints(weighted.sum(dim=-1))
    grad_intervals += (upstream.opacity + COLOR_SHIFT * upstream.colors.sum(dim=-1))[:, None]
    grad_intervals += upstream.distance[:, None] * midpoints(piece.depths)
    with torch.enable_grad():
        density = piece.density.detach().requires_grad_()
        (grad_sigma,) = torch.autograd.grad(march_weights(density, piece.depths), density, grad_intervals)
    # Far from any surface gradients shrink to denormal numbers, which processors handle a hundred times slower.
    grad_sigma = F.hardshrink(grad_sigma.reshape(-1), NEGLIGIBLE)
    grad_sigmoids = weighted.mul_(piece.weights[..., None]).flatten(0, 1)
    grad_logits = grad_sigmoids.addcmul_(grad_sigmoids, piece.sigmoids, value=-1)
    grad_hidden = torch.addcmul(grad_logits @ decoder.color, grad_sigma[:, None], decoder.density)
    slope = piece.hidden.neg().exp_()
    grad_hidden.addcmul_(grad_hidden, slope, value=-1)
    if not needs_decoder:
        return grad_hidden, []
    return grad_hidden, [
        (piece.features.T @ grad_hidden).T,
        grad_hidden.sum(dim=0),
        grad_sigma @ piece.hidden,
        grad_sigma.sum(),
        grad_logits.T @ piece.hidden,
        grad_logits.sum(dim=0),
    ]

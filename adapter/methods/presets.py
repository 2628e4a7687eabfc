"""The presets of every method: our 3D-Adapter, its ablations, and the known methods on the same generator.

For the embedded CLIP unless a preset says otherwise. What is known of each method and what is our reconstruction
stands beside it.
"""

import dataclasses
from typing import Any

from adapter.errors import UserError
from adapter.methods.loss_terms import LossTerm, loss
from adapter.methods.schema import Method, Stage

POOLED = "pooled"
"""The layer of a CNN tower that its projection into the joint embedding reads."""
LOCAL_LAYERS = ("stage1", "stage2", "stage4")
"""Where a small CNN's tokens stand in for the outputs of a ViT's blocks."""

_ADAPTER = (
    loss("directional", 2.0, (POOLED,)),
    loss("text_directional", 4.0),
    loss("token_distribution", 6.0, LOCAL_LAYERS, place=0.5, points=256),
    loss("image_structure", 2.0, ("stage3",)),
    loss("feature_structure", 10.0),
    loss("analogy", 2.0, ("stage1", "stage2")),
    loss("colour_distribution", 3.0, side=64, place=1.0),
    loss("shallow_distribution", 1.5, ("stage0",)),
    loss("background_colour", 2.0, side=8),
    loss("background_variation", 6.0),
    loss("moments", 0.3, ("stage0", "stage1", "stage2")),
    loss("view_consistency", 6.0, side=32),
)
_PEOPLE = (
    loss("mesh_guide", 20.0),
    loss("token_distribution", 0.8, ("relu3_1",), place=1.0, points=256),
    loss("moments", 3.0, ("relu1_1", "relu2_1"), centred=False, regions=True, points=2048),
    loss("colour_distribution", 1.0, side=64, place=1.0),
    loss("image_structure", 0.5, ("relu3_1",)),
    loss("feature_structure", 5.0),
    loss("background_colour", 4.0, side=8),
    loss("background_variation", 2.0),
    loss("view_consistency", 3.0, side=32),
    loss("text_directional", 0.02),
)
"""VGG's maps on photographic faces are what the small CLIP's are on drawn heads; the mesh stands in for the analogy."""
_ADAPTER_VIT = (
    loss("directional", 1.0),
    loss("text_directional", 1.0),
    loss("token_distribution", 1.0, (3,), centred=False),
    loss("image_structure", 10.0, (4,), centred=False),
    loss("feature_structure", 10.0),
)
_WHOLE = ("synthesis", "decoder", "superresolution")
_NO_TORGB = (("torgb", 0.0),)
"""StyleGAN-NADA and DiFa train neither mapping nor colour layers."""


def _tri_d_then_g2(tri_d: int, g2: int, learning_rate: float, *more: str) -> tuple[Stage, ...]:
    return (
        Stage("Tri-D", ("decoder", *more), tri_d, learning_rate, rates=(("background", 0.3),)),
        Stage("G2", ("superresolution",), g2, learning_rate),
    )


def _adapter(preset: str, tri_d: int, g2: int) -> Method:
    stages = _tri_d_then_g2(tri_d, g2, 0.01, "background")
    method = Method("3d-adapter", preset, stages, _ADAPTER, background=4, views=2)
    return dataclasses.replace(method, people=_for_people(method))


def _for_people(method: Method) -> Method:
    """What differs on a base of people: the losses; Tri-D changes colors alone; G2 changes all people alike.

    Tri-D gets more of the steps, because a step on the raw rendering is quick.
    """
    tri_d, g2 = method.stages
    colors = dataclasses.replace(
        tri_d,
        steps=round(0.55 * method.steps),
        train=("decoder.net.2", "background"),
        learning_rate=0.05,
        rates=(("background", 3.0),),
        fixed_density=True,
        raw=True,
    )
    rates = (("affine", 0.0), ("noise_strength", 0.3))
    details = dataclasses.replace(g2, steps=method.steps - colors.steps, learning_rate=0.02, rates=rates)
    return dataclasses.replace(method, stages=(colors, details), losses=_PEOPLE, pool=24)


_QUICK = _adapter("quick", 30, 90)
_FULL = _adapter("full", 45, 145)
_VIT = Method(
    "3d-adapter",
    "clip-vit",
    _tri_d_then_g2(200, 200, 0.002),
    _ADAPTER_VIT,
    betas=(0.0, 0.99),
    ema=0.99,
    pool=16,
    yaw=0.3,
    pitch=0.2,
)


def _trained(preset: str, *parts: str) -> Method:
    """An ablation of what is trained: these parts together, for as many steps as the schedule has."""
    background = 4 if "decoder" in parts else 0
    train = (*parts, "background") if background else parts
    rates = (("background", 0.3), ("synthesis.", 0.3))
    stage = Stage(preset, train, _QUICK.steps, 0.01, rates)

    def trained(method: Method) -> Method:
        people = method.people and trained(method.people)
        return dataclasses.replace(method, preset=preset, stages=(stage,), background=background, people=people)

    return trained(_QUICK)


def _reversed(method: Method) -> Method:
    people = method.people and _reversed(method.people)
    return dataclasses.replace(method, preset="g2-then-tri-d", stages=method.stages[::-1], people=people)


def _without(kind: str, method: Method, prefix: str = "") -> Method:
    losses = tuple(term for term in method.losses if term.kind != kind)
    people = method.people and _without(kind, method.people, prefix)
    return dataclasses.replace(method, preset=f"{prefix}no-{kind.replace('_', '-')}", losses=losses, people=people)


_ABLATIONS = (
    _trained("g1", "synthesis"),
    _trained("tri-d", "decoder"),
    _trained("g2", "superresolution"),
    _trained("g1-tri-d", "synthesis", "decoder"),
    _trained("g1-g2", "synthesis", "superresolution"),
    _trained("joint", "decoder", "superresolution"),
    _trained("all", *_WHOLE),
    _reversed(_QUICK),
    *(_without(term.kind, _QUICK) for term in _ADAPTER if term.kind != "text_directional"),
    *(_without(term.kind, _FULL, "full-") for term in _ADAPTER if term.kind != "text_directional"),
)
"""Trained parts, schedules, and each loss removed: the questions of the paper's Figures 1, 3 and 5."""

_DIFA_LOSSES = (
    loss("directional", 1.0),
    loss("text_directional", 1.0),
    loss("token_distribution", 1.0, LOCAL_LAYERS),
    loss("consistency", 6.0, window=17, keep=0.6),
)


def _published(
    name: str,
    losses: tuple[LossTerm, ...],
    train: tuple[str, ...] = _WHOLE,
    learning_rate: float = 0.02,
    rates: tuple[tuple[str, float], ...] = _NO_TORGB,
    **options: Any,
) -> Method:
    """What the methods built on StyleGAN-NADA share: one stage, batch 2, Adam with its lazy-regularised betas.

    They publish 301 steps at a rate of 0.0016. A third of the steps at 0.02 is ours: at lower rates the small base
    hardly moves. So are the centred tokens, as for 3D-Adapter.
    """
    shared: dict[str, Any] = {"betas": (0.0, 0.992), "yaw": 0.3, "pitch": 0.2, "final_rate": 1.0}
    return Method(name, "quick", (Stage(name, train, 100, learning_rate, rates),), losses, **(shared | options))


def _longer(method: Method) -> Method:
    return dataclasses.replace(method.of_length(2 * method.steps, "full"), preview_every=method.preview_every)


def _for_vit(method: Method) -> Method:
    """The published layers, for CLIP's own towers."""
    layers = {"token_distribution": (3,) if method.name == "difa" else (4,), "image_structure": (4,)}
    losses = tuple(
        loss(term.kind, term.weight, layers[term.kind], centred=False) if term.kind in layers else term
        for term in method.losses
    )
    longer = dataclasses.replace(method, losses=losses).of_length(301, "clip-vit")
    stages = tuple(dataclasses.replace(stage, learning_rate=0.0016) for stage in longer.stages)
    return dataclasses.replace(longer, stages=stages, preview_every=method.preview_every)


_DIFA = _published("difa", _DIFA_LOSSES)
_NADA = _published("nada", (loss("directional", 1.0), loss("text_directional", 1.0)), auto_layers=8, auto_every=20)
_DORM = _published(
    "dorm",
    (
        loss("directional", 0.5),
        loss("text_directional", 0.5),
        loss("token_distribution", 1.0, LOCAL_LAYERS),
        loss("image_structure", 10.0, ("stage3",), centred=False),
        loss("consistency", 3.0, window=17, keep=0.6),
    ),
    train=("remodulation",),
    rates=(),
    betas=(0.0, 0.99),
    learning_rate=0.1,
)
_FINETUNE = _published(
    "finetune", (loss("adversarial", 1.0),), rates=(), betas=(0.0, 0.99), learning_rate=0.005, ema=0.99
)
_FINETUNE_VIT = _for_vit(_FINETUNE)
_STYLIZE = Method(
    "stylize",
    "quick",
    (Stage("Pixels", ("superresolution",), 30, 0.04),),
    (
        loss("directional", 2.0, (POOLED,)),
        loss("text_directional", 4.0),
        loss("token_distribution", 6.0, LOCAL_LAYERS),
        loss("image_structure", 15.0, ("stage3",)),
        loss("colour_distribution", 3.0, side=64),
        loss("moments", 0.3, ("stage0", "stage1", "stage2")),
    ),
    per_frame=True,
)

_STYLIZE_VIT = dataclasses.replace(
    _STYLIZE,
    preset="clip-vit",
    losses=(
        loss("directional", 1.0),
        loss("text_directional", 1.0),
        loss("token_distribution", 1.0, (3,), centred=False),
        loss("image_structure", 10.0, (4,), centred=False),
        loss("colour_distribution", 3.0, side=64),
    ),
)
"""The weights are those of 3D-Adapter for the same towers."""

METHODS: dict[str, dict[str, Method]] = {
    "3d-adapter": {method.preset: method for method in (_QUICK, _FULL, _adapter("long", 120, 560), _VIT, *_ABLATIONS)},
    **{
        method.name: {one.preset: one for one in (method, _longer(method), _for_vit(method))}
        for method in (_DIFA, _NADA, _DORM)
    },
    "finetune": {"quick": _FINETUNE, "full": _longer(_FINETUNE), "clip-vit": _FINETUNE_VIT},
    "stylize": {"quick": _STYLIZE, "clip-vit": _STYLIZE_VIT},
}
"""Methods by name and preset. "quick" and "full" are for the embedded CLIP, "clip-vit" for CLIP's own ViT towers."""

TITLES: dict[str, str] = {
    "3d-adapter": "3D-Adapter",
    "difa": "DiFa",
    "nada": "StyleGAN-NADA",
    "dorm": "DoRM",
    "finetune": "Adversarial fine-tuning",
    "stylize": "2D style transfer",
}


def title(method: Method, inverter: bool) -> str:
    """The name to show; DiFa without a W+ encoder is not the whole DiFa, and says so."""
    if method.name == "difa" and (not inverter or not method.weight("consistency")):
        return "DiFa (no SCC)"
    return TITLES.get(method.name, method.name)


def get_method(name: str = "3d-adapter", preset: str = "full") -> Method:
    """Look a method up.

    Raises:
        UserError: an unknown name or preset; says which ones there are.
    """
    if name not in METHODS:
        raise UserError(f"There is no method named {name!r}. Choose from: {', '.join(METHODS)}.")
    if preset not in METHODS[name]:
        raise UserError(f"{name} has no preset named {preset!r}. Choose from: {', '.join(METHODS[name])}.")
    return METHODS[name][preset]

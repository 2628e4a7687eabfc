"""The other methods and guidances, on the tiny generator: what each changes, and what none may break."""

import dataclasses

import pytest
import torch

from adapter.adaptation import Guidance
from adapter.adaptation.checkpoint import TrainingState
from adapter.adaptation.layer_selection import row_of, select_rows
from adapter.adaptation.parts import Extent, copy_parts
from adapter.adaptation.stylize import stylize_frames
from adapter.eg3d.camera import cameras_around_front
from adapter.eg3d.pair import PairRenderer
from adapter.errors import UserError
from adapter.methods import METHODS, Method, Stage, loss

from .conftest import make_sources, run

LAYERS = {"token_distribution": (0,), "image_structure": (1,), "moments": (0,), "shallow_distribution": (0,)}


def tiny(method, steps=4, **changes):
    """The method with a few steps and the layers that the tiny encoder has."""
    stages = tuple(dataclasses.replace(stage, steps=steps) for stage in method.stages)
    losses = tuple(
        dataclasses.replace(
            term,
            **({"layers": LAYERS.get(term.kind, (2,))} if getattr(term, "layers", ()) else {}),
            **({"window": 2} if term.kind == "consistency" else {}),
        )
        for term in method.losses
    )
    return dataclasses.replace(method, stages=stages, losses=losses, pool=4, preview_every=2, **changes)


def inverter(images):
    """A differentiable stand-in for a W+ encoder."""
    return images.mean(dim=(2, 3))[:, None, :].repeat(1, 6, 4)


def last(generator, encoder, guidance, method, **options):
    return run(generator, encoder, guidance, method, **options)[-1]


def prompted(encoder, references=None):
    wanted = torch.nn.functional.normalize(torch.arange(8.0) - 3, dim=0)
    return Guidance(references, (wanted,), (wanted,), prompt="a bronze statue")


CASES = [("difa", 0), ("nada", 0), ("nada", 2), ("dorm", 0), ("finetune", 0)]


@pytest.mark.parametrize(("name", "auto"), CASES)
def test_every_method_makes_a_domain_that_loads_back(name, auto, generator, encoder, references, tmp_path):
    method = tiny(METHODS[name]["quick"], auto_layers=auto)
    event = last(generator, encoder, references, method, inverter=inverter)
    changed = {key.split(".")[0] for key in event.domain.weights}
    allowed = {"dorm": {"synthesis", "mapping", "superresolution"}}.get(
        name, {"synthesis", "decoder", "superresolution"}
    )
    assert changed
    assert changed <= allowed
    event.domain.save(tmp_path / "d.safetensors")
    again = type(event.domain).load(tmp_path / "d.safetensors").apply(generator)
    z = torch.randn(2, generator.config.z_dim, generator=torch.Generator().manual_seed(0))
    cameras = cameras_around_front(generator.config, torch.zeros(2), torch.zeros(2))
    source, target = PairRenderer(generator, again, z, generator.mapping(z)).render(cameras)
    assert torch.isfinite(target.image).all()
    assert not torch.equal(source.image, target.image)


@pytest.mark.parametrize("extent", [Extent(), Extent(4), Extent(0, True), Extent(4, True, True)])
def test_untrained_parts_give_the_source(extent, generator):
    z = torch.randn(2, generator.config.z_dim, generator=torch.Generator().manual_seed(0))
    cameras = cameras_around_front(generator.config, torch.tensor([-0.3, 0.2]), torch.zeros(2))
    source, target = PairRenderer(generator, copy_parts(generator, extent), z, generator.mapping(z)).render(cameras)
    assert (source.image - target.image).abs().max() < 1e-5


def test_a_backbone_of_its_own_is_read_where_the_source_was_sampled(generator, encoder):
    method = tiny(METHODS["difa"]["quick"])
    sources = make_sources(generator, method)
    features = sources.target_features(generator, [2, 0], copy_parts(generator, Extent(0, True)))
    # The cache keeps its plane features in half precision.
    assert (features - sources.features[[2, 0]]).abs().max() < 5e-3


@pytest.mark.parametrize(("name", "auto"), CASES)
def test_resumed_equals_uninterrupted(name, auto, generator, encoder, references, tmp_path):
    method = tiny(METHODS[name]["quick"], 5, auto_layers=auto, auto_every=3)
    events = run(generator, encoder, references, method, inverter=inverter)
    state = next(event.state for event in events if event.step == 4 and event.state)
    state.save(tmp_path / "state")
    resumed = last(
        generator, encoder, references, method, inverter=inverter, resume=TrainingState.load(tmp_path / "state")
    )
    for key, value in events[-1].domain.weights.items():
        assert torch.equal(value, resumed.domain.weights[key]), key


def test_consistency_needs_an_encoder_and_rises_after_its_window(generator, encoder, references):
    method = tiny(METHODS["difa"]["quick"], 6)
    without = run(generator, encoder, references, method)
    assert all("consistency" not in event.losses for event in without)
    with_codes = [
        event.losses["consistency"]
        for event in run(generator, encoder, references, method, inverter=inverter)
        if event.losses
    ]
    assert with_codes[:3] == [0, 0, 0]
    assert with_codes[-1] > 0


def test_text_guides_alone_and_beside_an_image(generator, encoder, references, method):
    terms = (*method.losses, loss("text_directional", 1.0))
    method = dataclasses.replace(method, losses=terms)
    alone = last(generator, encoder, prompted(encoder), method)
    assert alone.domain.metadata.prompt == "a bronze statue"
    assert alone.domain.metadata.reference_fingerprint is None
    kinds = [set(event.losses) for event in run(generator, encoder, prompted(encoder), method) if event.losses]
    assert kinds[0] == {"text_directional", "image_structure", "feature_structure", "view_consistency", "total"}
    mixed = [set(event.losses) for event in run(generator, encoder, prompted(encoder, references), method)]
    assert {"text_directional", "directional", "token_distribution"} <= set.union(*mixed)


def test_a_method_that_cannot_be_guided_says_so(generator, encoder, references):
    with pytest.raises(UserError, match="finetune cannot be guided by a text"):
        last(generator, encoder, prompted(encoder), tiny(METHODS["finetune"]["quick"]))
    only_text = Method("words", "test", (Stage("G2", ("superresolution",), 2),), (loss("text_directional", 1.0),))
    with pytest.raises(UserError, match="an image alone"):
        last(generator, encoder, references, only_text)
    with pytest.raises(UserError, match="nothing to adapt to"):
        Guidance()


def test_a_diffusion_score_is_one_more_loss(generator, encoder, method):
    method = dataclasses.replace(method, losses=(loss("score_distillation", 1.0),))
    calls = []

    def darker(images, random):
        calls.append(len(images))
        return images.mean()

    guidance = prompted(encoder)
    losses = [e.losses["total"] for e in run(generator, encoder, guidance, method, distillation=darker) if e.losses]
    assert calls == [2] * method.steps
    assert losses[-1] < losses[0]


def test_rows_and_layers_belong_together(generator):
    parts = copy_parts(generator, Extent(0, True))
    rows = {name: row_of(name, parts) for name, _ in parts.named_parameters()}
    assert rows["decoder.net.0.weight"] is None
    assert rows["superresolution.block1.conv1.weight"] == -1
    assert rows["synthesis.b16.const"] == rows["synthesis.b16.conv1.weight"] == 0


def test_the_choice_follows_the_loss(generator, encoder):
    method = tiny(METHODS["nada"]["quick"])
    pool = make_sources(generator, method)
    parts = copy_parts(generator, Extent(0, True))
    rows = generator.config.num_ws
    assert select_rows(generator, pool, parts, lambda images: images.square().mean(), rows) == {*range(rows - 1), -1}
    assert len(select_rows(generator, pool, parts, lambda images: images.square().mean(), 1)) == 1


def test_stylize_moves_pictures_towards_the_reference_each_alone(encoder, references):
    method = tiny(METHODS["stylize"]["quick"], 12)
    random = torch.Generator().manual_seed(0)
    images = torch.rand(3, 3, 32, 32, generator=random) * 0.2
    made = stylize_frames(images, encoder, references, method, group=2)
    assert made.shape == images.shape
    assert made.abs().max() <= 1
    before, after = (one.std(dim=(2, 3)).mean() for one in (images, made))
    assert abs(after - references.std(dim=(2, 3)).mean()) < abs(before - references.std(dim=(2, 3)).mean())
    twice = stylize_frames(images[:1].expand(2, -1, -1, -1), encoder, references, method)
    assert not torch.equal(twice[0], twice[1])


def test_methods_that_make_no_domain_say_so(generator, encoder, references, method):
    with pytest.raises(UserError, match="no domain"):
        last(generator, encoder, references, METHODS["stylize"]["quick"])
    with pytest.raises(UserError, match="not pictures"):
        stylize_frames(torch.zeros(1, 3, 32, 32), encoder, references, method)

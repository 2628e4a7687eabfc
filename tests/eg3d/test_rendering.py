import dataclasses

import pytest
import torch

from adapter.eg3d import Eg3d, Parts, cameras_around_front, ray_tracer, rendering
from adapter.eg3d.cpu import plain_kernels
from adapter.eg3d.samples import join_samples

FIELDS = ("features", "depth", "opacity")


def assert_same(one, other, **tolerance):
    for name in FIELDS:
        torch.testing.assert_close(getattr(one, name), getattr(other, name), **tolerance)


def test_shapes_and_ranges(tiny, planes, cameras):
    rendered = tiny.render(planes, cameras, resolution=12)
    assert rendered.features.shape == (2, 8, 12, 12)
    assert rendered.depth.shape == rendered.opacity.shape == (2, 1, 12, 12)
    assert rendered.rgb.shape == (2, 3, 12, 12)
    assert rendered.features.abs().max() <= 1.01
    assert rendered.opacity.min() >= 0
    assert rendered.opacity.max() <= 1 + 1e-5
    assert rendered.opacity.std() > 0.01


def test_fast_and_plain_ways_agree(tiny, planes, cameras):
    fast = tiny.render(planes, cameras)
    with plain_kernels():
        plain = tiny.render(planes, cameras)
    assert_same(fast, plain, rtol=0, atol=1e-4)


def test_the_same_call_gives_the_same_pixels(tiny, planes, cameras):
    # Kernels may sum in another order in memory that is aligned otherwise.
    assert_same(tiny.render(planes, cameras), tiny.render(planes, cameras), rtol=0, atol=1e-6)


def test_the_size_of_a_chunk_changes_nothing(tiny, planes, cameras, monkeypatch):
    whole = tiny.render(planes, cameras)
    monkeypatch.setitem(ray_tracer.MAX_POINTS, "cpu", 500)
    assert_same(tiny.render(planes, cameras), whole, rtol=0, atol=2e-5)


def test_chunks_bound_what_is_worked_on_at_once(tiny, planes, cameras, monkeypatch):
    seen = []
    read = ray_tracer.lookup
    monkeypatch.setattr(
        ray_tracer, "lookup", lambda *given: seen.append(given[1].shape[0] * given[1].shape[1]) or read(*given)
    )
    monkeypatch.setitem(ray_tracer.MAX_POINTS, "cpu", 1000)
    tiny.render(planes, cameras)
    assert max(seen) <= 1000
    assert len(seen) > 10


def test_cached_samples_march_to_the_same_picture(tiny, planes, cameras):
    samples = tiny.sample(planes, cameras)
    assert samples.depths.shape == (2, 256, 24)
    assert samples.features.shape == (2, 256, 24, 8)
    assert (samples.depths.diff(dim=-1) >= 0).all()
    assert_same(tiny.march(samples), tiny.render(planes, cameras), rtol=0, atol=2e-5)
    assert_same(tiny.march(samples[1:]), tiny.march(tiny.sample(planes[1:], cameras[1:])), rtol=0, atol=2e-5)


def test_rays_near_one_that_hits_something_count_as_well():
    opacity = torch.zeros(2, 256)
    opacity[1, 16 * 8 + 8] = 0.5
    hit = ray_tracer.hit_rays(opacity, 1e-4).view(2, 16, 16)
    assert not hit[0].any()
    assert hit[1].sum() == (2 * ray_tracer.MARGIN + 1) ** 2
    assert hit[1, 8 - ray_tracer.MARGIN : 9 + ray_tracer.MARGIN, 8 - ray_tracer.MARGIN : 9 + ray_tracer.MARGIN].all()


@pytest.fixture(scope="module")
def heads():
    """Two people of the embedded base, a slim one and one with much hair, and how it is rendered ray by ray."""
    base = Eg3d.from_pretrained("heads").requires_grad_(False)
    ws = base.sample_ws(torch.randn(2, base.config.z_dim, generator=torch.Generator().manual_seed(4)), 0.7)
    every = dataclasses.replace(base.config.rendering, empty_below=0.0)
    return base, base.planes(ws), every


def test_rays_that_hit_nothing_are_left_out_and_hardly_missed(heads):
    base, planes, every = heads
    cameras = cameras_around_front(base.config, [0.0, 0.3])
    samples = base.sample(planes, cameras)
    few = samples.depths.shape[1]
    assert 0.3 < few / 64**2 < 0.8
    full = rendering.render(planes, cameras, 64, [rendering.Field(base.decoder)], every)[0]
    rendered = base.render(planes, cameras)
    nothing = (samples.places == few).view(2, 1, 64, 64)
    assert rendered.opacity[nothing].max() == 0
    assert full.opacity[nothing].quantile(0.999) < 1e-2
    assert (rendered.features - full.features).abs().mean() < 1e-3
    assert_same(base.march(samples), rendered, rtol=0, atol=2e-5)


def test_what_is_left_out_depends_on_no_other_view(heads):
    base, planes, _ = heads
    cameras = cameras_around_front(base.config, [0.0, 0.3])
    both = base.render(planes, cameras)
    for i in range(2):
        alone = base.render(planes[i : i + 1], cameras[i : i + 1])
        torch.testing.assert_close(alone.features[0], both.features[i], rtol=0, atol=2e-5)


def test_samples_of_different_numbers_of_rays_join(heads):
    base, planes, _ = heads
    cameras = cameras_around_front(base.config, [0.0, 0.3])
    parts = [base.sample(planes[i : i + 1], cameras[i : i + 1]) for i in range(2)]
    parts.append(base.sample(planes[:1], cameras[:1], every_ray=True))
    assert parts[2].places is None
    assert len({part.depths.shape[1] for part in parts}) == 3
    joined = join_samples(parts)
    target = base.parts().requires_grad_(True)
    for i, part in enumerate(parts):
        torch.testing.assert_close(base.march(joined[i : i + 1]).features, base.march(part).features, rtol=0, atol=2e-5)
    separate, together = (
        torch.autograd.grad(
            sum(base.march(one, target).features.square().sum() for one in some), target.decoder.net[0].weight
        )[0]
        for some in (parts, [joined])
    )
    torch.testing.assert_close(together, separate, rtol=1e-3, atol=1e-2 * float(separate.abs().max()))


def test_whoever_moves_latents_or_cameras_follows_every_ray(heads):
    base, planes, every = heads
    cameras = cameras_around_front(base.config, [0.0, 0.3])
    moving = base.render(planes, cameras.requires_grad_())
    full = rendering.render(planes, cameras, 64, [rendering.Field(base.decoder)], every)[0]
    torch.testing.assert_close(moving.features, full.features, rtol=0, atol=2e-5)


def test_rendering_without_importance_samples(tiny, planes, cameras):
    config = dataclasses.replace(tiny.config.rendering, importance_samples=0)
    samples = rendering.sample(planes, cameras, 8, tiny.decoder, config)
    assert samples.depths.shape == (2, 64, 12)


def test_a_pair_of_equal_parts_is_twice_the_source(tiny, planes, ws, cameras):
    source, target = tiny.pair(planes, ws, cameras, tiny.parts())
    alone = tiny.synthesis(ws, cameras)
    for name in ("image", "image_raw", "depth", "opacity"):
        # Each passes through convolutions of its own threads.
        torch.testing.assert_close(getattr(source, name), getattr(target, name), rtol=0, atol=2e-5)
        torch.testing.assert_close(getattr(source, name), getattr(alone, name), rtol=0, atol=2e-5)


def test_a_pair_shares_the_sources_samples(tiny, planes, ws, cameras):
    parts = tiny.parts().requires_grad_(False)
    parts.decoder.net[2].bias[0] -= 1
    _, target = tiny.pair(planes, ws, cameras, parts)
    marched = tiny.march(tiny.sample(planes, cameras), parts)
    torch.testing.assert_close(target.depth, marched.depth, rtol=0, atol=2e-5)
    assert (target.opacity - tiny.render(planes, cameras).opacity).abs().max() > 1e-3


def test_a_background_shows_where_nothing_is_hit(tiny, planes, ws, cameras):
    own = tiny.parts()
    colors = torch.rand(8, 4, 4, generator=torch.Generator().manual_seed(2))
    parts = Parts(own.decoder, own.superresolution, colors).requires_grad_(False)
    white = Parts(own.decoder, own.superresolution, torch.ones(8, 4, 4)).requires_grad_(False)
    assert_same(tiny.render(planes, cameras, parts=white), tiny.render(planes, cameras), rtol=0, atol=1e-5)
    rendered = tiny.render(planes, cameras, parts=parts)
    large = torch.nn.functional.interpolate(colors[None], size=(16, 16), mode="bilinear")
    black = tiny.render(planes, cameras).features - 2 * (1 - rendered.opacity)
    torch.testing.assert_close(rendered.features, black + 2 * (1 - rendered.opacity) * large, rtol=0, atol=1e-4)


def test_gradients_reach_the_decoder_and_the_background(tiny, planes, cameras):
    own = tiny.parts()
    parts = Parts(own.decoder, own.superresolution, torch.ones(8, 4, 4)).requires_grad_(True)
    tiny.march(tiny.sample(planes, cameras), parts).features.square().sum().backward()
    assert parts.background.grad.abs().sum() > 0
    for name, parameter in parts.decoder.named_parameters():
        assert parameter.grad.abs().sum() > 0, name


def test_gradients_of_latent_and_camera_match_a_small_step(tiny, ws, cameras):
    ws, cameras = ws.clone().requires_grad_(), cameras.clone().requires_grad_()
    random = torch.Generator().manual_seed(4)
    towards = torch.randn(2, 8, 8, 8, generator=random)

    def value(ws, cameras):
        return (tiny.render(tiny.planes(ws), cameras, resolution=8).features * towards).sum()

    of_ws, of_cameras = torch.autograd.grad(value(ws, cameras), [ws, cameras])
    assert of_ws.abs().sum() > 0
    assert of_cameras[:, :16].abs().sum() > 0
    assert of_ws.isfinite().all()
    assert of_cameras.isfinite().all()
    step = 0.002 * of_ws / of_ws.norm()
    with torch.no_grad():
        rise = value(ws + step, cameras) - value(ws - step, cameras)
    # Samples move with w as well, which the gradient leaves out.
    assert float(rise) == pytest.approx(2 * float((of_ws * step).sum()), rel=0.25)


def test_field_reads_density_and_color_anywhere(tiny, planes):
    points = torch.rand(2, 30, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    density, colors = tiny.field(planes, points)
    assert density.shape == (2, 30)
    assert colors.shape == (2, 30, 8)
    nowhere, _ = tiny.field(planes, torch.full((2, 1, 3), 100.0))
    empty = tiny.decoder(torch.zeros(1, 8))[0]
    torch.testing.assert_close(nowhere[:, 0], empty.expand(2))
    torch.testing.assert_close(tiny.decoder.density(torch.zeros(1, 8)), empty)


def test_a_fixed_density_has_no_gradient_and_colors_keep_theirs(tiny, planes, cameras):
    samples = tiny.sample(planes, cameras)

    def gradients(fixed):
        parts = tiny.parts().requires_grad_(False)
        last = parts.decoder.net[2].requires_grad_(True)
        parts.decoder.fixed_density = fixed
        return torch.autograd.grad(tiny.march(samples, parts).features.square().sum(), [last.weight, last.bias])

    free, fast = gradients(fixed=False), gradients(fixed=True)
    with plain_kernels():
        plain = gradients(fixed=True)
    for moving, kept, reference in zip(free, fast, plain, strict=True):
        assert moving[0].any()
        assert not kept[0].any()
        # Sums over some thousand samples, in another order.
        largest = float(reference.abs().max())
        torch.testing.assert_close(kept, reference, rtol=1e-3, atol=1e-4 * largest)
        torch.testing.assert_close(kept[1:], moving[1:], rtol=1e-3, atol=1e-4 * largest)

"""Every stage of the generator gives the original's numbers, with weights that are drawn from the tensors' names.

The figures are read from the reference folder beside the repository where it exists, else from the small sample in
``tests/data``; both hold the same runs.
"""

import dataclasses
import json
import math
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import Tensor

from adapter.eg3d import PRESETS, SUPERRESOLUTIONS, Eg3dConfig, Generator, Planes, RenderingConfig, look_at
from adapter.eg3d.layers import resample_filter
from adapter.eg3d.plane_lookup import lookup
from adapter.eg3d.planes import AXES
from adapter.eg3d.ray_marching import march_weights
from adapter.eg3d.rays import camera_rays, ray_range
from adapter.eg3d.sampling import importance_depths, importance_draws, stratified_depths

DATA = Path(__file__).parents[1] / "data"
SAMPLE = DATA / "golden"
FULL = Path(__file__).parents[3] / "shared" / "reference" / "golden"
GOLDEN = FULL if FULL.is_dir() else SAMPLE


def small(kind: str, resolution: int, **changes) -> Eg3dConfig:
    rendering = RenderingConfig(**({"samples": 12, "importance_samples": 12} | changes.pop("rendering", {})))
    return Eg3dConfig(
        superresolution=SUPERRESOLUTIONS[kind],
        rendering=rendering,
        channel_base=2048,
        channel_max=64,
        raw_resolution=resolution,
        **changes,
    )


AUTO = {"ray_start": "auto", "ray_end": "auto", "box_warp": 1.6, "white_background": True}
CONFIGS = {
    "small_2x": small("2X", 64),
    "small_2x_auto": small("2X", 32, conditioning_zero=True, rendering=AUTO),
    "small_4x": small("4X", 64),
    "ffhq512": PRESETS["ffhq512"],
}
RUNS = ["small_2x", "small_2x_auto", "small_4x", pytest.param("ffhq512", marks=pytest.mark.slow)]

BOUNDS = {
    "map.": 1e-5,
    "bb.": 1e-4,
    "planes": 1e-4,
    "probe.plane_features": 1e-4,
    "probe.sigma": 1e-4,
    "probe.rgb": 1e-5,
    "ray.": 1e-5,
    "ren.depths_coarse": 1e-5,
    "ren.sigma_coarse": 1e-3,
    "ren.weights": 1e-4,
    "ren.depths": 3e-4,
    "ren.sigma_fine": 2e-2,
    "ren.rgb_coarse": 1e-4,
    "ren.rgb_fine": 5e-4,
}
FINAL_BOUNDS = {"small": 5e-4, "ffhq512": 5e-5}


def bound(run: str, stage: str) -> float:
    """Largest allowed difference at a stage; the first entry that fits counts."""
    fitting = (value for prefix, value in BOUNDS.items() if stage.startswith(prefix))
    return next(fitting, FINAL_BOUNDS[run.split("_")[0]])


def drawn(name: str, values: Tensor) -> Tensor:
    """The value that a tensor of this name and shape has in all golden runs."""
    if name.endswith("resample_filter"):
        return values
    noise = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    r = torch.randn(values.shape, generator=noise, dtype=torch.float32)
    if name.startswith("backbone.mapping.fc"):
        return r * (100 if name.endswith("weight") else 10)
    if name.endswith("noise_strength") or name == "backbone.mapping.w_avg":
        return 0.1 * r
    if name.endswith("affine.bias"):
        return 1 + 0.1 * r
    if name.endswith(".bias"):
        r = 0.1 * r
        r[0] += 8 if name == "decoder.net.2.bias" else 0
    if name == "decoder.net.2.weight":
        r[0] *= 4
    return r


def build(config: Eg3dConfig) -> Generator:
    with torch.device("meta"):
        generator = Generator(dataclasses.replace(config, label_std=False)).eval().requires_grad_(False)
    fixed = resample_filter()
    state = {
        name: fixed.clone() if name.endswith("resample_filter") else drawn(name, value)
        for name, value in generator.state_dict().items()
    }
    generator.load_state_dict(state, assign=True)
    return generator


def read(run: str, folder: Path = GOLDEN) -> tuple[dict[str, Tensor], dict[str, str]]:
    with safe_open(folder / f"{run}.safetensors", "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118


def sampled(values: Tensor, count: int) -> Tensor:
    flat = values.contiguous().flatten()
    return flat[torch.arange(count) * 2654435761 % len(flat)] if len(flat) > count else flat


def listen(generator: Generator) -> tuple[dict[str, Tensor], Callable[[], None]]:
    """Keep what the networks' layers put out, under the golden names; the second value stops it."""
    found: dict[str, Tensor] = {}

    def keep(*names: str) -> Callable:
        def hook(module, inputs, output) -> None:
            for name, value in zip(names, output if isinstance(output, tuple) else (output,), strict=True):
                found[name] = value.clone()

        return hook

    mapping, synthesis = generator.backbone.mapping, generator.backbone.synthesis
    blocks = {f"bb.{name}": block for name, block in synthesis.named_children()}
    blocks |= {f"sr.{name}": block for name, block in generator.superresolution.named_children()}
    hooks = [getattr(mapping, name).register_forward_hook(keep(f"map.{name}")) for name in ("embed", "fc0", "fc1")]
    for name, block in blocks.items():
        hooks.append(block.register_forward_hook(keep(f"{name}.x", f"{name}.img")))
        hooks.append(block.conv1.register_forward_hook(keep(f"{name}.conv1")))
        if hasattr(block, "conv0"):
            hooks.append(block.conv0.register_forward_hook(keep(f"{name}.conv0")))
    return found, lambda: [hook.remove() for hook in hooks]


def rendering_stages(generator: Generator, planes: Planes, cameras: Tensor) -> dict[str, Tensor]:
    """What happens along the rays, from the parts that the renderer is made of."""
    config, decoder = generator.config.rendering, generator.decoder
    origins, directions = camera_rays(cameras, generator.config.raw_resolution)
    coarse = stratified_depths(*ray_range(origins, directions, config), config.samples)

    def decode(depths: Tensor) -> tuple[Tensor, Tensor]:
        points = origins[:, :, None] + directions[:, :, None] * depths[..., None]
        return decoder(lookup(planes, points.flatten(1, 2), config.box_warp).unflatten(1, depths.shape[1:]))

    sigma, rgb = decode(coarse)
    weights = march_weights(sigma, coarse)
    draws = importance_draws(config.importance_samples, config.fine_rule)
    fine = importance_depths(coarse, weights, draws, bins=config.importance_bins)
    sigma_fine, rgb_fine = decode(fine)
    depths, order = torch.cat([coarse, fine], dim=-1).sort(dim=-1)
    return {
        "ray.origins": origins,
        "ray.dirs": directions,
        "ren.depths_coarse": coarse,
        "ren.sigma_coarse": sigma,
        "ren.rgb_coarse": rgb,
        "ren.weights_coarse": weights,
        "ren.depths_fine": fine,
        "ren.sigma_fine": sigma_fine,
        "ren.rgb_fine": rgb_fine,
        "ren.depths_all": depths,
        "ren.weights_all": march_weights(torch.cat([sigma, sigma_fine], dim=-1).gather(-1, order), depths),
    }


def stages(generator: Generator, given: dict[str, Tensor], settings: dict[str, str]) -> dict[str, Tensor]:
    """Compute everything that a golden file holds."""
    psi = float(settings["psi"])
    cutoff = None if settings["cutoff"] == "None" else int(settings["cutoff"])
    ws = generator.mapping(given["in.z"], given["in.c_map"], psi, cutoff)
    found, stop = listen(generator)
    generator.mapping(given["in.z"], given["in.c_map"], psi, cutoff)
    planes = generator.planes(ws, folded=False)
    output = generator.synthesis(ws, given["in.c_cam"])
    stop()

    points, config = given["probe.points"], generator.config.rendering
    separate = [Planes(planes.values[:, [p]], (axes,), 1) for p, axes in enumerate(AXES[config.plane_axes])]
    features = torch.stack([lookup(plane, points, config.box_warp) for plane in separate], dim=1)
    sigma, rgb = generator.field(planes, points)
    rendered = generator.render(planes, given["in.c_cam"])
    return (
        found
        | rendering_stages(generator, planes, given["in.c_cam"])
        | {
            "map.ws_psi1": generator.mapping(given["in.z"], given["in.c_map"])[:, 0],
            "map.ws": ws,
            "map.ws_first_last": ws[:, [0, -1]],
            "planes": planes.values.flatten(1, 2),
            "planes_noise_none": generator.planes(ws, noise_mode="none", folded=False).values.flatten(1, 2),
            "probe.plane_features": features,
            "probe.sigma": sigma,
            "probe.rgb": rgb,
            "feature": rendered.features,
            "sr.in.x": rendered.features,
            "sr.in.rgb": rendered.rgb,
            "image_raw": output.image_raw,
            "image_depth": output.depth,
            "image": output.image,
        }
    )


@pytest.mark.parametrize("run", RUNS)
def test_every_stage_gives_the_golden_numbers(run):
    expected, settings = read(run)
    generator = build(CONFIGS[run])
    assert generator.config.raw_resolution == int(settings["nrr"])
    with torch.no_grad():
        found = stages(generator, expected, settings)

    compared, wrong = 0, {}
    for key, values in expected.items():
        name = key.removesuffix("@s")
        if name.startswith("in.") or name == "probe.points":
            continue
        if not key.endswith("@s"):
            assert found[name].numel() == values.numel(), name
        difference = (sampled(found[name], values.numel()) - values.flatten()).abs().max().item()
        compared += 1
        if not difference <= bound(run, name):
            wrong[name] = difference
    assert compared >= 48
    assert not wrong


@pytest.mark.parametrize("run", RUNS)
def test_weights_are_those_of_the_golden_runs(run):
    state = build(CONFIGS[run]).state_dict()
    probes = json.loads(read(run)[1]["weight_probe"])
    assert len(probes) == 5
    for name, probe in probes.items():
        flat = state[name].double().flatten()
        # Normal draws pass through logarithms and cosines, whose last bit depends on the processor.
        torch.testing.assert_close(flat[:4].float(), torch.tensor(probe["first"]))
        assert flat.sum().item() == pytest.approx(probe["sum"], abs=1e-6 * flat.abs().sum().item())
        assert flat.square().sum().item() == pytest.approx(probe["sumsq"], rel=1e-6)


@pytest.mark.skipif(not FULL.is_dir(), reason="the full reference figures are not here")
@pytest.mark.parametrize("run", list(CONFIGS))
def test_sample_agrees_with_the_full_figures(run):
    (few, some), (all_, every) = read(run, SAMPLE), read(run, FULL)
    assert {name.removesuffix("@s") for name in few} == {name.removesuffix("@s") for name in all_}
    assert some.items() <= every.items()
    for key, values in few.items():
        whole = all_[key][: len(values)] if key in all_ and key.endswith("@s") else all_[key.removesuffix("@s")]
        assert torch.equal(values.flatten(), sampled(whole, values.numel()) if key.endswith("@s") else whole.flatten())


def test_aliased_raw_image_is_an_option():
    given, _ = read("small_2x")
    generator = build(CONFIGS["small_2x"])
    plain = dataclasses.replace(generator.config.superresolution, inplace_rgb=False)
    generator.superresolution.config = plain
    with torch.no_grad():
        ws = generator.mapping(given["in.z"], given["in.c_map"], 0.7)
        raw = generator.synthesis(ws, given["in.c_cam"]).image_raw
    values = given["sr.in.rgb@s"]
    assert (sampled(raw, len(values)) - values).abs().max() < FINAL_BOUNDS["small"]


def test_tensors_of_ffhq512_have_the_names_and_shapes_of_the_original():
    rows = [line.split("\t") for line in (DATA / "eg3d_ffhq512_state_dict.tsv").read_text().splitlines()[1:]]
    shapes = {name: () if shape == "scalar" else tuple(map(int, shape.split("x"))) for name, shape, *_ in rows}
    with torch.device("meta"):
        generator = Generator(PRESETS["ffhq512"])
    found = {name: tuple(value.shape) for name, value in generator.state_dict().items()}
    assert found == shapes | {"dataset_label_std": (25,)}
    assert {name for name, _ in generator.named_parameters()} == {name for name, *_, kind in rows if kind == "param"}
    assert sum(parameter.numel() for parameter in generator.parameters()) == 30_662_136
    assert generator.config.num_ws == 14


def test_cameras_of_the_look_at_sampler():
    reference = json.loads((GOLDEN / "camera.json").read_text())
    for case in reference["lookat"]:
        yaw, pitch = case["horizontal"] - math.pi / 2, math.asin(1 - 2 * case["vertical"] / math.pi)
        label = look_at(yaw, pitch, case["radius"], case["pivot"])
        pose = label[0, :16].view(4, 4)
        torch.testing.assert_close(pose, torch.tensor(case["cam2world"]), rtol=0, atol=2e-6)
        assert label[0, 16:].tolist() == pytest.approx([4.2647, 0, 0.5, 0, 4.2647, 0.5, 0, 0, 1])

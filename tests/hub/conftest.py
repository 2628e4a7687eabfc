"""Writes files in the layout of the official EG3D pickles, and runs a Hub on loopback."""

import contextlib
import pickle
import sys
import types
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from huggingface_hub import constants
from torch import nn

from adapter.eg3d import SUPERRESOLUTIONS, Eg3dConfig, Generator, RenderingConfig
from adapter.hub.download import Remote

from .loopback import Hub, LoopbackHub

SOURCE_TEXT = "raise SystemExit('the source text inside the file was run')\n" * 20
INIT = {
    "z_dim": 512,
    "w_dim": 512,
    "c_dim": 25,
    "img_resolution": 128,
    "img_channels": 3,
    "mapping_kwargs": {"num_layers": 2},
    "channel_base": 2048,
    "channel_max": 64,
    "fused_modconv_default": "inference_only",
    "num_fp16_res": 0,
    "conv_clamp": None,
    "sr_num_fp16_res": 4,
    "sr_kwargs": {"channel_base": 32768, "channel_max": 512, "fused_modconv_default": "inference_only"},
}
RENDERING = {
    "image_resolution": 128,
    "disparity_space_sampling": False,
    "clamp_mode": "softplus",
    "superresolution_module": "training.superresolution.SuperresolutionHybrid2X",
    "c_gen_conditioning_zero": True,
    "gpc_reg_prob": None,
    "c_scale": 1,
    "superresolution_noise_mode": "none",
    "density_reg": 0.25,
    "density_reg_p_dist": 0.004,
    "reg_type": "l1",
    "decoder_lr_mul": 1,
    "sr_antialias": True,
    "depth_resolution": 64,
    "depth_resolution_importance": 64,
    "ray_start": 0.1,
    "ray_end": 2.6,
    "box_warp": 1.6,
    "white_back": True,
    "avg_camera_radius": 1.7,
    "avg_camera_pivot": [0, 0, 0],
}
PLANE_AXES = [
    [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    [[1, 0, 0], [0, 0, 1], [0, 1, 0]],
    [[0, 0, 1], [1, 0, 0], [0, 1, 0]],
]


def _reconstruct_persistent_obj(meta):
    raise AssertionError("the file was unpickled")


class Persistent(nn.Module):
    """Pickled as EG3D's persistence decorator does: source text, class name and attributes."""

    def __init__(self, class_name: str = "SynthesisLayer") -> None:
        super().__init__()
        self.__dict__["official_class"] = class_name
        self.__dict__["act_gain"] = np.sqrt(2)

    def __reduce__(self):
        state = {name: value for name, value in self.__dict__.items() if name != "official_class"}
        meta = {"type": "class", "version": 6, "module_src": SOURCE_TEXT}
        meta |= {"class_name": self.__dict__["official_class"], "state": state}
        return _reconstruct_persistent_obj, (meta,), None


class OSGDecoder(nn.Module):
    pass


class ImportanceRenderer(nn.Module):
    pass


class MipRayMarcher2(nn.Module):
    pass


class RaySampler(nn.Module):
    pass


class EasyDict(dict):
    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(name) from error


OFFICIAL_MODULES = {
    "torch_utils.persistence": [_reconstruct_persistent_obj],
    "dnnlib.util": [EasyDict],
    "training.triplane": [OSGDecoder],
    "training.volumetric_rendering.renderer": [ImportanceRenderer],
    "training.volumetric_rendering.ray_marcher": [MipRayMarcher2],
    "training.volumetric_rendering.ray_sampler": [RaySampler],
}


def config_of_file(**changes) -> Eg3dConfig:
    """What `INIT` and `RENDERING` mean."""
    values = {
        "superresolution": SUPERRESOLUTIONS["2X"],
        "rendering": RenderingConfig(0.1, 2.6, 1.6, 64, 64, white_background=True),
        "conditioning_zero": True,
        "channel_base": 2048,
        "channel_max": 64,
        "raw_resolution": 64,
        "camera_radius": 1.7,
        "camera_pivot": (0.0, 0.0, 0.0),
    }
    return Eg3dConfig(**(values | changes))


def official_network(generator: Generator, init: dict, rendering: dict, plane_axes: list | None) -> nn.Module:
    """Hang the generator's tensors into modules nested and named as in an official file."""
    root = Persistent("TriPlaneGenerator")
    parameters = {name for name, _ in generator.named_parameters()}
    for path, tensor in generator.state_dict().items():
        *parents, leaf = path.split(".")
        module = root
        for depth, name in enumerate(parents, start=1):
            if name not in module._modules:
                by_reference = {"decoder": OSGDecoder, "decoder.net": nn.Sequential}.get(".".join(parents[:depth]))
                module.add_module(name, by_reference() if by_reference else Persistent())
            module = module._modules[name]
        if path in parameters:
            module.register_parameter(leaf, nn.Parameter(tensor.clone(), requires_grad=False))
        else:
            module.register_buffer(leaf, tensor.clone())
    root._modules["decoder"]._modules["net"].add_module("1", nn.Softplus())
    root.register_buffer("left_out", torch.zeros(3), persistent=False)
    renderer = ImportanceRenderer()
    renderer.add_module("ray_marcher", MipRayMarcher2())
    if plane_axes is not None:
        renderer.__dict__["plane_axes"] = torch.tensor(plane_axes, dtype=torch.float32)
    root.add_module("renderer", renderer)
    root.add_module("ray_sampler", RaySampler())
    root.__dict__.update(
        _init_args=(),
        _init_kwargs=EasyDict(init, rendering_kwargs=rendering),
        rendering_kwargs=rendering,
        neural_rendering_resolution=64,
        _last_planes=None,
    )
    return root


@contextlib.contextmanager
def named_officially() -> Iterator[None]:
    """Let the stand-ins be found under the official names, as pickling demands."""
    with pytest.MonkeyPatch.context() as patch:
        for module, members in OFFICIAL_MODULES.items():
            parts = module.split(".")
            for depth in range(1, len(parts)):
                patch.setitem(sys.modules, ".".join(parts[:depth]), types.ModuleType(parts[depth - 1]))
            fake = types.ModuleType(module)
            for member in members:
                patch.setattr(member, "__module__", module)
                setattr(fake, member.__name__, member)
            patch.setitem(sys.modules, module, fake)
        yield


@pytest.fixture(scope="session")
def write_official() -> Callable[..., Path]:
    """A function that writes a generator as an official file; see its arguments."""

    def write(
        path: Path,
        generator: Generator,
        *,
        protocol: int = 4,
        init: dict = INIT,
        rendering: dict = RENDERING,
        plane_axes: list | None = PLANE_AXES,
        only_average: bool = False,
        edit: Callable[[nn.Module], None] = lambda network: None,
        edit_bytes: Callable[[bytes], bytes] | None = None,
    ) -> Path:
        network = official_network(generator, init, rendering, plane_axes)
        edit(network)
        other = Persistent("DualDiscriminator")
        other.register_parameter("weight", nn.Parameter(torch.randn(8, 3).t()))
        other.register_buffer("empty", torch.zeros(0, 4))
        snapshot = {
            "training_set_kwargs": EasyDict(class_name="training.dataset.ImageFolderDataset", max_size=None),
            "G": None if only_average else other,
            "D": None if only_average else other,
            "G_ema": network,
            "augment_pipe": None,
            "names": OrderedDict(a={1, 2}),
        }
        with named_officially():
            if edit_bytes:
                path.write_bytes(edit_bytes(pickle.dumps(snapshot, protocol=protocol)))
            else:
                with path.open("wb") as file:
                    pickle.dump(snapshot, file, protocol=protocol)
        return path

    return write


@pytest.fixture(scope="session")
def generator() -> Generator:
    """A small network with every tensor random, so that a swapped pair of equal shape would show."""
    torch.manual_seed(0)
    generator = Generator(config_of_file()).requires_grad_(False)
    for name, tensor in generator.state_dict().items():
        if not name.endswith("resample_filter"):
            tensor.normal_()
    return generator


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A Hub on loopback; waiting between tries costs nothing."""
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # the other protocol needs more than a Hub
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1 << 16)  # what arrives is kept in pieces of this size
    patient = types.SimpleNamespace(sleep=lambda seconds: None)
    for module in ("huggingface_hub.file_download", "huggingface_hub.utils._http"):
        monkeypatch.setattr(f"{module}.time", patient)
    with LoopbackHub() as hub:
        yield hub


@pytest.fixture
def remote(hub: Hub, tmp_path: Path) -> Remote:
    """The loopback Hub as nobody in particular, with an own cache."""
    return Remote(hub.url, tmp_path / "cache" / "hub", token=False)

"""Official files become folders that load with equal tensors, in little memory, or are refused with a sentence."""

import argparse
import dataclasses
import json
import sys

import pytest
import torch

from adapter.cli import convert as command
from adapter.eg3d import SUPERRESOLUTIONS, Eg3d, Generator
from adapter.eg3d.legacy_checkpoint import read_legacy_checkpoint
from adapter.eg3d.legacy_config import configuration
from adapter.errors import UserError
from adapter.hub.convert import convert
from tests.hub.memory import peak_of_converting


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_converted_file_loads_with_equal_tensors(tmp_path, write_official, generator, protocol):
    source = write_official(tmp_path / "cars.pkl", generator, protocol=protocol)
    shares = []
    folder = convert(source, tmp_path / "out", lambda share, text: shares.append(share), focal=1.7074)
    loaded = Eg3d.from_pretrained(folder)

    assert loaded.config == dataclasses.replace(generator.config, focal=1.7074)
    expected = generator.state_dict()
    assert loaded.state_dict().keys() == expected.keys()
    assert all(torch.equal(value, expected[name]) for name, value in loaded.state_dict().items())
    assert "dataset_label_std" in expected
    assert shares[0] == 0
    assert shares[-1] == 1
    assert shares == sorted(shares)
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]


def test_names_of_older_numpy_are_understood(tmp_path, write_official, generator):
    def older(raw: bytes) -> bytes:
        assert b"numpy._core.multiarray" in raw
        return raw.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")

    source = write_official(tmp_path / "old.pkl", generator, protocol=3, edit_bytes=older)
    assert read_legacy_checkpoint(source).tensors.keys() == generator.state_dict().keys()


def test_attributes_are_read(tmp_path, write_official, generator):
    def mark(network):
        network.rendering_kwargs["gain"] = network.act_gain

    source = write_official(tmp_path / "a.pkl", generator, edit=mark, rendering={"ray_start": 1})
    network = read_legacy_checkpoint(source)
    assert network.class_name == "TriPlaneGenerator"
    assert network.neural_rendering_resolution == 64
    assert network.rendering_kwargs == {"ray_start": 1, "gain": pytest.approx(2**0.5)}
    assert network.init_kwargs["mapping_kwargs"] == {"num_layers": 2}
    assert network.plane_axes.shape == (3, 3, 3)
    assert "left_out" not in network.tensors


def test_strided_and_half_tensors_are_rebuilt(tmp_path, write_official, generator):
    name = "superresolution.block1.conv1.weight"

    def restride(network):
        layer = network.superresolution.block1.conv1
        layer.weight.data = layer.weight.data.to(memory_format=torch.channels_last).half()
        assert not layer.weight.is_contiguous()

    folder = convert(write_official(tmp_path / "a.pkl", generator, edit=restride), tmp_path / "out")
    loaded = Eg3d.from_pretrained(folder).state_dict()[name]
    assert torch.equal(loaded, generator.state_dict()[name].half().float())


def test_file_without_label_buffer_and_settings(tmp_path, write_official, generator):
    def strip(network):
        del network._buffers["dataset_label_std"], network.__dict__["neural_rendering_resolution"]

    network = read_legacy_checkpoint(write_official(tmp_path / "a.pkl", generator, edit=strip, plane_axes=None))
    config = configuration({}, {}, network.neural_rendering_resolution, network.plane_axes, False)
    assert "dataset_label_std" not in network.tensors
    assert config.raw_resolution == 64
    assert config.rendering.plane_axes == "xy-xz-zx"
    # The sheet says that the conditioning is multiplied by zero where a file does not say otherwise.
    assert config.conditioning_scale == 0


@pytest.mark.parametrize(
    ("suffix", "kind"),
    [("2X", "2X"), ("4X", "4X"), ("8X", "8X"), ("8XDC", "8X-DC"), ("Deepfp32", "4X")],
)
def test_superresolution_is_mapped_by_name(suffix, kind):
    rendering = {"superresolution_module": "training.superresolution.SuperresolutionHybrid" + suffix}
    found = configuration({"sr_num_fp16_res": 4}, rendering, 128, None, True).superresolution
    assert found == dataclasses.replace(SUPERRESOLUTIONS[kind], antialias=suffix != "Deepfp32")
    assert configuration({}, rendering, 128, None, True).superresolution.clamp is None


def test_plane_axes_are_recognised():
    repaired = torch.eye(3)[torch.tensor([[0, 1, 2], [0, 2, 1], [2, 1, 0]])]
    assert configuration({}, {}, 64, repaired, True).rendering.plane_axes == "xy-xz-zy"
    swapped = repaired.clone()
    swapped[0] = repaired[0, [1, 0, 2]]
    with pytest.raises(UserError, match="yx-xz-zy"):
        configuration({}, {}, 64, swapped, True)


@pytest.mark.parametrize(
    ("init", "rendering", "named"),
    [
        ({}, {"superresolution_module": "os.system"}, "os.system"),
        ({}, {"superresolution_module": 3}, "3"),
        ({}, {"clamp_mode": "relu"}, "clamp_mode"),
        ({}, {"depth_resolution": 1 << 40}, "depth_resolution"),
        ({}, {"ray_start": "auto", "ray_end": 3}, "ray_start"),
        ({}, {"box_warp": True}, "box_warp"),
        ({}, {"avg_camera_pivot": [1, 2]}, "avg_camera_pivot"),
        ({}, {"decoder_lr_mul": 2}, "decoder_lr_mul"),
        ({"conv_clamp": 256}, {}, "conv_clamp"),
        ({"channel_max": 1 << 30}, {}, "channel_max"),
        ({"mapping_kwargs": [1]}, {}, "mapping_kwargs"),
        ({"img_resolution": 256}, {}, "256"),
    ],
)
def test_unsupported_settings_are_named(init, rendering, named):
    with pytest.raises(UserError, match=named):
        configuration(init, rendering, 128, None, True)


def _drop(network):
    del network.decoder.net._modules["0"]._parameters["bias"]


def _add(network):
    network.register_buffer("surprise", torch.zeros(2))


def _reshape(network):
    network.decoder.net._modules["0"].weight.data = torch.zeros(64, 31)


def _poison(network):
    network.decoder.net._modules["0"].weight.data[3, 4] = float("nan")


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (_drop, "lacks decoder.net.0.bias"),
        (_add, "holds surprise"),
        (_reshape, "shape .64, 31. where"),
        (_poison, "decoder.net.0.weight holds values that are not finite"),
    ],
)
def test_network_that_does_not_fit_is_refused_and_leaves_nothing(tmp_path, write_official, generator, edit, named):
    with pytest.raises(UserError, match=named):
        convert(write_official(tmp_path / "a.pkl", generator, edit=edit), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_failed_write_leaves_no_configuration(tmp_path, write_official, generator):
    source = write_official(tmp_path / "a.pkl", generator)
    (tmp_path / "out").write_text("a file, not a folder")
    with pytest.raises(UserError, match="Choose another folder"):
        convert(source, tmp_path / "out")
    assert (tmp_path / "out").read_text() == "a file, not a folder"


@pytest.mark.parametrize("focal", [0.0, -1.0, float("nan"), float("inf")])
def test_focal_length_out_of_range(tmp_path, focal):
    with pytest.raises(UserError, match="Give one between"):
        convert(tmp_path / "a.pkl", tmp_path / "out", focal=focal)


def test_command(tmp_path, write_official, generator, capsys):
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    source = write_official(tmp_path / "a.pkl", generator)
    args = parser.parse_args(["convert", str(source), str(tmp_path / "out"), "--focal", "2"])
    command.run(args)
    assert str(tmp_path / "out") in capsys.readouterr().out
    assert json.loads((tmp_path / "out" / "config.json").read_text())["focal"] == 2


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
def test_memory_stays_below_one_and_a_half_files(tmp_path, write_official, generator):
    # The hardest case: nothing in the file but what has to be kept.
    wide = {"channel_base": 1 << 15, "channel_max": 360}
    large = Generator(dataclasses.replace(generator.config, **wide))
    init = {"img_resolution": 128, "mapping_kwargs": {"num_layers": 2}, "sr_num_fp16_res": 4} | wide
    source = write_official(tmp_path / "large.pkl", large, init=init, only_average=True)
    size = source.stat().st_size
    assert size > 60e6
    peak, _ = peak_of_converting(source, tmp_path / "out")
    assert peak < 1.5 * size

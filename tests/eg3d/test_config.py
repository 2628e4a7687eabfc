import json

import pytest

from adapter.eg3d import PRESETS, SUPERRESOLUTIONS, Eg3dConfig
from adapter.errors import UserError


@pytest.mark.parametrize("name", list(PRESETS))
def test_presets_survive_json(name):
    config = PRESETS[name]
    assert Eg3dConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_derived_sizes():
    official = PRESETS["ffhq512"]
    assert (official.num_ws, official.image_resolution) == (14, 512)
    assert [official.channels(side) for side in (4, 64, 128, 256)] == [512, 512, 256, 128]
    assert PRESETS["heads"].block_resolutions == (32, 64, 128)
    assert PRESETS["heads"].image_resolution == 128
    assert {name: sizes.output_resolution for name, sizes in SUPERRESOLUTIONS.items()} == {
        "2X": 128,
        "4X": 256,
        "8X": 512,
        "8X-DC": 512,
    }


@pytest.mark.parametrize(
    "change",
    [
        lambda values: values.update(unknown=1),
        lambda values: values["rendering"].update(unknown=1),
        lambda values: values["superresolution"].update(unknown=1),
        lambda values: values.pop("superresolution"),
        lambda values: values["superresolution"].pop("channels"),
        lambda values: values.update(rendering=3),
    ],
)
def test_unusable_settings_are_refused_with_a_sentence(change):
    values = PRESETS["heads"].to_dict()
    change(values)
    with pytest.raises(UserError, match="configuration cannot be used"):
        Eg3dConfig.from_dict(values)

"""What a user is told about several references."""

import torch

from adapter.adaptation.reference_checks import SOFT, TWO_STYLES, describe_references
from adapter.media.images import resize, to_tensor
from adapter.media.references import read_reference
from adapter.utils.paths import EXAMPLES

from .conftest import METHOD, run


def test_two_styles_are_told_and_one_is_not(generator, encoder):
    noise = 0.1 * torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    dark, bright = noise - 0.7, noise + 0.5
    assert describe_references(None) == describe_references(dark) == ""
    assert describe_references(torch.cat([dark, dark.flip(-1)])) == ""
    both = torch.cat([dark, bright])
    assert describe_references(both) == TWO_STYLES
    assert TWO_STYLES in [event.message for event in run(generator, encoder, both, METHOD)]


def test_a_small_style_image_is_told():
    pixels = read_reference(EXAMPLES / "mona-lisa.jpg")
    assert describe_references(to_tensor(pixels, 256)) == ""
    assert describe_references(to_tensor(resize(pixels, 64), 256)) == SOFT
    assert describe_references(torch.zeros(1, 3, 256, 256)) == ""

import pytest
import torch

from adapter.encoders import TextEncoder, apply_templates, encode_ensemble, load_text_encoder
from adapter.errors import UserError
from adapter.utils.torchvision_compat import ensure_torchvision

ensure_torchvision()
import open_clip  # noqa: E402


@pytest.fixture(scope="module")
def text() -> TextEncoder:
    return load_text_encoder("clip-heads")


def test_unit_vectors_in_the_order_given(text: TextEncoder) -> None:
    prompts = [f"number {k}" for k in range(300)]
    found = text.encode(prompts)
    assert found.shape == (300, 128)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(300))
    torch.testing.assert_close(found[271:272], text.encode(["number 271"]), atol=1e-5, rtol=1e-4)


def test_equals_open_clip(text: TextEncoder) -> None:
    torch.manual_seed(0)
    config = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2}
    vision = {"image_size": 32, "layers": 1, "width": 32, "patch_size": 16, "head_width": 32}
    model = open_clip.CLIP(embed_dim=16, vision_cfg=vision, text_cfg=config).eval()
    tokens = open_clip.SimpleTokenizer()(["a cat", "two dogs"])
    with torch.no_grad():
        expected = model.encode_text(tokens, normalize=True)
    found = TextEncoder(model, open_clip.SimpleTokenizer()).encode(["a cat", "two dogs"])
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("prompt", ["", "   ", "\n"])
def test_empty_prompt_is_a_sentence(text: TextEncoder, prompt: str) -> None:
    with pytest.raises(UserError, match="empty"):
        text.encode(["fine", prompt])


def test_long_prompt_is_told_not_cut(text: TextEncoder) -> None:
    room = text.context_length - 2
    text.encode(["word " * room])
    with pytest.raises(UserError, match="1 tokens too long"):
        text.encode(["word " * (room + 1)])


@pytest.mark.parametrize("prompts", ["a bare string", []])
def test_only_lists_of_prompts(text: TextEncoder, prompts) -> None:
    with pytest.raises(ValueError, match="list"):
        text.encode(prompts)


def test_templates_are_the_eighty_of_clip() -> None:
    texts = apply_templates("bronze statue")
    assert len(texts) == len(set(texts)) == 80
    assert all("bronze statue" in line for line in texts)
    assert "a bad photo of a bronze statue." in texts


def test_ensemble_is_the_unit_mean_over_templates(text: TextEncoder) -> None:
    found = encode_ensemble(text, ["zombie", "gold"])
    mean = text.encode(apply_templates("gold")).mean(0)
    torch.testing.assert_close(found[1], mean / mean.norm())
    assert not torch.allclose(found[0], found[1], atol=1e-3)

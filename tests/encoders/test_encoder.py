import pytest
import torch

from adapter.encoders import ImageEncoder, load_clip, load_encoder
from adapter.errors import UserError
from adapter.utils.torchvision_compat import ensure_torchvision

ensure_torchvision()
import open_clip  # noqa: E402

TINY_TEXT = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2}
TINY_VIT = {"image_size": 32, "layers": 3, "width": 64, "patch_size": 8, "head_width": 32}


@pytest.fixture(scope="module")
def vit() -> torch.nn.Module:
    torch.manual_seed(0)
    model = open_clip.CLIP(embed_dim=16, vision_cfg=TINY_VIT, text_cfg=TINY_TEXT).eval()
    open_clip.model.set_model_preprocess_cfg(model, {"size": 32, "mean": (0.48, 0.46, 0.41), "std": (0.27, 0.26, 0.28)})
    return model


@pytest.fixture(scope="module")
def embedded() -> ImageEncoder:
    return load_encoder("clip-heads")


def normalised(model: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
    mean, std = (torch.tensor(v)[:, None, None] for v in (model.visual.image_mean, model.visual.image_std))
    return (images / 2 + 0.5 - mean) / std


def test_vit_tokens_are_the_outputs_of_open_clips_blocks(vit: torch.nn.Module) -> None:
    images = torch.rand(2, 3, 32, 32) * 2 - 1
    caught = {}
    blocks = vit.visual.transformer.resblocks
    hooks = [
        block.register_forward_hook(lambda _m, _i, output, k=k: caught.update({k: output}))
        for k, block in enumerate(blocks)
    ]
    with torch.no_grad():
        expected = vit.encode_image(normalised(vit, images), normalize=True)
        by_hook = {k: output[:, 1:].clone() for k, output in caught.items()}
        found = ImageEncoder(vit).encode(images, (2, 0, 1))
    for hook in hooks:
        hook.remove()
    assert list(found.tokens) == [2, 0, 1]
    for layer, tokens in found.tokens.items():
        assert tokens.shape == (2, 16, 64)
        torch.testing.assert_close(tokens, by_hook[layer])
    torch.testing.assert_close(found.embedding, expected)


def test_vit_without_embedding_stops_early(vit: torch.nn.Module) -> None:
    encoder = ImageEncoder(vit)
    ran = []
    hook = vit.visual.transformer.resblocks[2].register_forward_hook(lambda *_: ran.append(1))
    images = torch.rand(1, 3, 32, 32)
    early = encoder.encode(images, (0,), embedding=False)
    assert early.embedding is None
    assert not ran
    hook.remove()
    torch.testing.assert_close(early.tokens[0], encoder.encode(images, (0,)).tokens[0])


@pytest.mark.slow
@pytest.mark.parametrize(("name", "grid"), [("ViT-B-32", 7), ("ViT-B-16", 14)])
def test_real_vit_shapes(name: str, grid: int) -> None:
    encoder = ImageEncoder(open_clip.create_model(name, pretrained=None))
    found = encoder.encode(torch.rand(1, 3, 100, 100), (3,), embedding=False)
    assert encoder.image_size == 224
    assert encoder.layers == tuple(range(12))
    assert encoder.grid(3) == grid
    assert found.tokens[3].shape == (1, grid * grid, 768)


def test_cnn_layers_and_grids(embedded: ImageEncoder) -> None:
    found = embedded.encode(torch.rand(2, 3, 128, 128) * 2 - 1, embedded.layers)
    channels = {"stem": 32, "stage0": 16, "stage1": 24, "stage2": 40, "stage3": 80, "stage4": 112, "stage5": 192,
                "stage6": 320, "pooled": 1280}  # fmt: skip
    assert {layer: tokens.shape[2] for layer, tokens in found.tokens.items()} == channels
    for layer, tokens in found.tokens.items():
        assert tokens.shape[1] == embedded.grid(layer) ** 2
    assert [embedded.grid(layer) for layer in ("stem", "stage1", "stage3", "stage6", "pooled")] == [64, 32, 8, 4, 1]


def test_cnn_tokens_run_row_by_row(embedded: ImageEncoder) -> None:
    image = torch.zeros(1, 3, 128, 128)
    image[..., :32, 96:] = 1
    tokens = embedded.encode(image, ("stage1",), embedding=False).tokens["stage1"]
    background = embedded.encode(torch.zeros(1, 3, 128, 128), ("stage1",), embedding=False).tokens["stage1"]
    changed = (tokens - background).abs().sum(2).view(32, 32)
    assert changed[:8, 24:].mean() > 10 * changed[16:, :16].mean()


def test_cnn_equals_the_open_clip_model() -> None:
    from adapter.encoders.models import create_model

    model, _ = create_model("clip-heads")
    images = torch.rand(2, 3, 128, 128) * 2 - 1
    with torch.no_grad():
        expected = model.encode_image(images, normalize=True)
    torch.testing.assert_close(ImageEncoder(model).encode(images).embedding, expected, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("kind", ["embedded", "vit"])
def test_unit_norm_and_gradient_to_images(kind: str, request: pytest.FixtureRequest) -> None:
    source = request.getfixturevalue(kind)
    encoder = source if kind == "embedded" else ImageEncoder(source)
    images = (torch.rand(2, 3, 48, 48) * 2 - 1).requires_grad_()
    found = encoder.encode(images, (encoder.layers[1],))
    torch.testing.assert_close(found.embedding.norm(dim=1), torch.ones(2))
    (found.embedding[:, 0].sum() + found.tokens[encoder.layers[1]].mean()).backward()
    assert torch.isfinite(images.grad).all()
    assert (images.grad.flatten(1).abs().amax(1) > 0).all()


def test_weights_are_frozen_and_stay_in_evaluation_mode(embedded: ImageEncoder) -> None:
    assert not embedded.train().training
    assert not any(parameter.requires_grad for parameter in embedded.parameters())


def test_resizing_is_bicubic_with_antialiasing(vit: torch.nn.Module) -> None:
    images = torch.rand(1, 3, 80, 80) * 2 - 1
    small = torch.nn.functional.interpolate(images, (32, 32), mode="bicubic", antialias=True)
    encoder = ImageEncoder(vit)
    torch.testing.assert_close(encoder.encode(images).embedding, encoder.encode(small).embedding)


@pytest.mark.parametrize("layer", ["stage9", 3, "", None, -1])
def test_unknown_layer_is_named(embedded: ImageEncoder, layer: object) -> None:
    with pytest.raises(ValueError, match=r"no layer.*stem"):
        embedded.encode(torch.zeros(1, 3, 32, 32), (layer,))
    with pytest.raises(ValueError, match="no layer"):
        embedded.grid(layer)


@pytest.mark.parametrize(
    "images", [torch.zeros(3, 32, 32), torch.zeros(1, 1, 32, 32), torch.zeros(1, 3, 32, 16),
               torch.zeros(1, 3, 32, 32, dtype=torch.uint8)]
)  # fmt: skip
def test_wrong_images_are_refused(embedded: ImageEncoder, images: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="Images must"):
        embedded.encode(images)


def test_asking_for_nothing_is_refused(embedded: ImageEncoder) -> None:
    with pytest.raises(ValueError, match="Ask for"):
        embedded.encode(torch.zeros(1, 3, 32, 32), (), embedding=False)


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"clip-heads.*ViT-B-32"):
        load_encoder("no-such-clip")


def test_unsupported_tower_is_a_sentence() -> None:
    resnet = {"image_size": 32, "layers": [1, 1, 1, 1], "width": 8}
    model = open_clip.CLIP(embed_dim=16, vision_cfg=resnet, text_cfg=TINY_TEXT)
    with pytest.raises(UserError, match="not supported"):
        ImageEncoder(model)


def test_damaged_checkpoint_is_refused(tmp_path) -> None:
    import shutil

    from adapter.encoders.models import EMBEDDED_MODELS

    folder = tmp_path / "clip"
    shutil.copytree(EMBEDDED_MODELS["clip-heads"], folder)
    image = folder / "image.safetensors"
    image.write_bytes(image.read_bytes()[:5000])
    with pytest.raises(UserError, match=r"image\.safetensors"):
        load_clip(folder)


def test_towers_of_another_size_are_refused(tmp_path) -> None:
    import json
    import shutil

    from adapter.encoders.models import EMBEDDED_MODELS

    folder = tmp_path / "clip"
    shutil.copytree(EMBEDDED_MODELS["clip-heads"], folder)
    config = json.loads((folder / "open_clip_config.json").read_text())
    config["model_cfg"]["embed_dim"] = 64
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match="shape"):
        load_clip(folder)

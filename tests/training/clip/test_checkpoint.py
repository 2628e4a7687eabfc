"""The shipped clip-heads, on heads that nothing was trained on."""

import json

import numpy as np
import pytest
import torch

from adapter.encoders import ImageEncoder, TextEncoder, encode_ensemble, load_clip
from adapter.encoders.models import EMBEDDED_MODELS
from adapter.encoders.vocabulary import load_vocabulary, understand
from adapter.synthetic.heads.attributes import sample_latent
from adapter.synthetic.heads.facts import facts_of
from adapter.synthetic.heads.render import orbit_camera, render
from adapter.synthetic.styles import STYLES
from adapter.training.clip import checkpoint
from adapter.training.clip.captions import SOURCE, STYLE_NAMES
from adapter.training.clip.evaluate import FOREIGN, attribute_accuracy, style_accuracy
from adapter.utils.torchvision_compat import ensure_torchvision

FOLDER = EMBEDDED_MODELS["clip-heads"]
ensure_torchvision()


@pytest.fixture(scope="module")
def clip() -> tuple[ImageEncoder, TextEncoder]:
    return load_clip("clip-heads")


def test_open_clip_loads_it_by_itself() -> None:
    import open_clip

    model = open_clip.create_model(
        f"local-dir:{FOLDER}",
        load_weights=False,
        pretrained_image_path=str(FOLDER / "image.safetensors"),
        pretrained_text_path=str(FOLDER / "text.safetensors"),
    ).eval()
    tokens = open_clip.get_tokenizer(f"local-dir:{FOLDER}")(["a gold statue", "a photo"])
    image, text = load_clip("clip-heads")
    pixels = torch.rand(1, 3, 128, 128)
    with torch.no_grad():
        torch.testing.assert_close(model.encode_text(tokens, normalize=True), text.encode(["a gold statue", "a photo"]))
        ours = image.encode(pixels * 2 - 1).embedding
        theirs = model.encode_image((pixels - 0.5) / 0.5, normalize=True)
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-3)
    assert model.visual.preprocess_cfg["mean"] == [0.5, 0.5, 0.5]


def test_files_are_small() -> None:
    assert all(path.stat().st_size < 10_000_000 for path in FOLDER.iterdir())


def test_saving_and_loading_changes_only_the_precision(tmp_path) -> None:
    from adapter.encoders.models import create_model

    model = checkpoint.new_model(seed=3)
    checkpoint.save(model, tmp_path)
    loaded, _ = create_model(tmp_path)
    expected, found = model.state_dict(), loaded.state_dict()
    assert found.keys() == expected.keys()
    for name, value in found.items():
        torch.testing.assert_close(value, expected[name], atol=1e-4, rtol=2e-3)


def test_vocabulary_knows_its_prompts_and_not_others(clip: tuple[ImageEncoder, TextEncoder]) -> None:
    assert set(json.loads((FOLDER / "vocabulary.json").read_text())["styles"]) == set(STYLE_NAMES)
    vocabulary = load_vocabulary("clip-heads", clip[1])

    def understood(prompts: list[str]) -> float:
        return sum(understand(prompt, clip[1], vocabulary).known for prompt in prompts) / len(prompts)

    assert understood(["a shiny golden statue", "a scary zombie", "an old marble bust", "blue ballpoint pen"]) == 1
    assert understood(list(FOREIGN)) <= 0.2


@pytest.mark.slow
def test_reads_styles_of_fresh_heads(clip: tuple[ImageEncoder, TextEncoder]) -> None:
    rng = np.random.default_rng(77)
    images, styles = [], []
    for _ in range(3):
        camera = orbit_camera(rng.uniform(-0.4, 0.4), rng.uniform(-0.1, 0.1))[None]
        head = render(sample_latent(rng), camera, 128)
        images += [head.color[0], *(style.render(head, camera)[0] for style in STYLES.values())]
        styles += [SOURCE, *(STYLE_NAMES.index(name) for name in STYLES)]
    embedding = _embed(clip[0], images)
    accuracy = style_accuracy(embedding, np.array(styles), clip[1])
    assert accuracy["single"] > 0.85
    assert accuracy["templates"] > 0.85


@pytest.mark.slow
def test_reads_people_of_fresh_heads(clip: tuple[ImageEncoder, TextEncoder]) -> None:
    rng = np.random.default_rng(78)
    latents = [sample_latent(rng) for _ in range(80)]
    images = [render(latent, orbit_camera(rng.uniform(-0.4, 0.4), 0)[None], 128).color[0] for latent in latents]
    accuracy = attribute_accuracy(_embed(clip[0], images), np.stack([facts_of(z) for z in latents]), clip[1])
    assert accuracy["glasses"] > 0.85
    assert np.mean([accuracy[name] for name in ("sex", "hair colour", "glasses", "beard", "age group")]) > 0.75


@pytest.mark.slow
def test_text_direction_points_from_plain_to_styled(clip: tuple[ImageEncoder, TextEncoder]) -> None:
    """What text-driven adaptation needs: the direction between prompts agrees with the one between images."""
    camera = orbit_camera(0.2, 0)[None]
    head = render(sample_latent(np.random.default_rng(5)), camera, 128)
    names = ("bronze", "pencil sketch", "zombie", "neon")
    plain = _embed(clip[0], [head.color[0]])
    styled = _embed(clip[0], [STYLES[name].render(head, camera)[0] for name in names]) - plain
    source = encode_ensemble(clip[1], ["photo"])
    targets = encode_ensemble(clip[1], ["bronze statue", "pencil sketch", "zombie", "neon sign"]) - source
    agreement = torch.nn.functional.normalize(styled, dim=1) @ torch.nn.functional.normalize(targets, dim=1).T
    assert (agreement.argmax(1) == torch.arange(4)).all()
    assert agreement.diagonal().min() > 0.5


def _embed(encoder: ImageEncoder, images: list[np.ndarray]) -> torch.Tensor:
    pixels = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2) * 2 - 1
    with torch.no_grad():
        return torch.cat([encoder.encode(batch).embedding for batch in pixels.split(39)])

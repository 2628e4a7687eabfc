"""Score distillation against the paper's formula, and against a real, tiny pipeline."""

import types

import pytest
import torch
import torch.nn.functional as F

from adapter.diffusion.sds import ScoreDistillation
from adapter.errors import UserError
from adapter.utils.torchvision_compat import ensure_torchvision

SCALE = 0.5


class FakeUnet:
    """Says what the text's first number is, everywhere; remembers what it was asked."""

    device, dtype = torch.device("cpu"), torch.float32
    config = types.SimpleNamespace(sample_size=4)

    def __call__(self, noisy, t, encoder_hidden_states):
        self.asked = noisy, t
        return types.SimpleNamespace(sample=encoder_hidden_states[:, 0, 0, None, None, None].expand_as(noisy))


class FakeVae:
    """Pools two by two."""

    dtype, config = torch.float32, types.SimpleNamespace(scaling_factor=SCALE)

    def encode(self, images):
        latents = F.avg_pool2d(images, 2)
        return types.SimpleNamespace(latent_dist=types.SimpleNamespace(mode=lambda: latents))


def fake(prediction_type: str = "epsilon"):
    ensure_torchvision()
    from diffusers import DDPMScheduler

    def encode_prompt(prompt, device, count, guided, negative):
        wanted, unwanted = torch.full((1, 2, 3), 0.7), torch.full((1, 2, 3), 0.2)
        return wanted, unwanted if guided else None

    return types.SimpleNamespace(
        unet=FakeUnet(),
        vae=FakeVae(),
        text_encoder=object(),
        tokenizer=Tokenizer(),
        scheduler=DDPMScheduler(prediction_type=prediction_type),
        vae_scale_factor=2,
        encode_prompt=encode_prompt,
    )


class Tokenizer:
    model_max_length = 77

    def __call__(self, text, truncation):
        return types.SimpleNamespace(input_ids=list(text))


def draw(pipeline, seed: int, shape):
    """t and noise that `loss` draws from a generator of this seed."""
    random = torch.Generator().manual_seed(seed)
    t = torch.randint(20, 980, (shape[0],), generator=random)
    return t, torch.randn(shape, generator=random), pipeline.scheduler.alphas_cumprod[t][:, None, None, None]


@pytest.mark.parametrize("guidance", [1.0, 10.0])
def test_gradient_is_the_papers(guidance: float) -> None:
    pipeline = fake()
    distillation = ScoreDistillation(pipeline, "bronze", guidance=guidance)
    images = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)).requires_grad_(True)
    distillation.loss(images, torch.Generator().manual_seed(5)).backward()
    t, noise, alpha = draw(pipeline, 5, (2, 3, 4, 4))
    predicted = 0.7 if guidance == 1 else 0.2 + guidance * (0.7 - 0.2)
    wanted = (1 - alpha) * (predicted - noise) / noise.numel()
    by_image = F.interpolate(wanted, scale_factor=2) / 4 * SCALE  # the fake VAE's derivative
    torch.testing.assert_close(images.grad, by_image)
    noisy, asked = pipeline.unet.asked
    torch.testing.assert_close(asked[-2:], t)
    latents = SCALE * F.avg_pool2d(images.detach(), 2)
    torch.testing.assert_close(noisy[-2:], alpha.sqrt() * latents + (1 - alpha).sqrt() * noise)


def test_a_model_that_finds_the_noise_wants_no_change() -> None:
    pipeline = fake()
    distillation = ScoreDistillation(pipeline, "bronze", guidance=1.0)
    noise = torch.full((1, 3, 4, 4), 0.7)
    assert distillation.gradient(torch.zeros(1, 3, 4, 4), torch.tensor([500]), noise).abs().max() < 1e-6


@pytest.mark.parametrize("kind", ["v_prediction", "sample"])
def test_other_predictions_are_turned_into_noise(kind: str) -> None:
    pipeline = fake(kind)
    random = torch.Generator().manual_seed(0)
    latents, noise = torch.randn(2, 1, 3, 4, 4, generator=random)
    t = torch.tensor([300])
    alpha = pipeline.scheduler.alphas_cumprod[t][:, None, None, None]

    class Perfect(FakeUnet):
        def __call__(self, noisy, t, encoder_hidden_states):
            truth = latents if kind == "sample" else alpha.sqrt() * noise - (1 - alpha).sqrt() * latents
            return types.SimpleNamespace(sample=truth)

    pipeline.unet = Perfect()
    distillation = ScoreDistillation(pipeline, "bronze", guidance=1.0)
    assert distillation.gradient(latents, t, noise).abs().max() < 1e-5


def test_a_real_pipeline_gives_a_gradient_that_its_seed_decides(pipeline) -> None:
    distillation = ScoreDistillation(pipeline, "a bronze statue", "a photo", guidance=5.0)
    images = torch.rand(1, 3, 20, 20, generator=torch.Generator().manual_seed(0)) * 2 - 1
    gradients = []
    for seed in (1, 1, 2):
        leaf = images.clone().requires_grad_(True)
        distillation.loss(leaf, torch.Generator().manual_seed(seed)).backward()
        gradients.append(leaf.grad)
    assert torch.isfinite(gradients[0]).all()
    assert gradients[0].abs().sum() > 0
    torch.testing.assert_close(gradients[0], gradients[1])  # convolutions may differ in their last bits
    assert not torch.allclose(gradients[0], gradients[2])


def test_bad_requests_are_refused(pipeline) -> None:
    with pytest.raises(UserError, match="empty"):
        ScoreDistillation(pipeline, "")
    with pytest.raises(ValueError, match="range"):
        ScoreDistillation(pipeline, "bronze", noise_range=(0.9, 0.1))
    other = fake()
    other.text_encoder = None
    with pytest.raises(UserError, match="Stable Diffusion"):
        ScoreDistillation(other, "bronze")

"""The discriminator and its augmentation."""

import torch

from adapter.losses import REGISTRY, Batch, LossContext, Sources
from adapter.losses.discriminator import augment
from adapter.methods.loss_terms import Adversarial


def test_augmentation_is_nothing_at_probability_zero():
    random = torch.Generator().manual_seed(0)
    images = torch.rand(3, 3, 16, 16, generator=random)
    assert (augment(images, 0.0, random) - images).abs().max() < 1e-5
    assert (augment(images, 1.0, random) - images).abs().max() > 0.1


def test_the_discriminator_learns_and_then_augments():
    ramp = torch.linspace(-1, 1, 32)
    references = torch.stack([ramp.expand(32, 32), -ramp[:, None].expand(32, 32), torch.zeros(32, 32)])[None]
    sources = Sources(*[torch.zeros(4, 3, 16, 16)] * 5)
    loss = REGISTRY["adversarial"](Adversarial(1.0), LossContext(sources, references))
    random = torch.Generator().manual_seed(0)
    fake = torch.zeros(4, 3, 16, 16)
    for _ in range(60):
        loss.after_step(fake, random)
    real = loss.references.expand(4, -1, -1, -1)
    assert loss.network(real).mean() > loss.network(fake).mean() + 1
    assert loss.probability > 0.1
    assert float(loss(Batch(real, [], random))) < float(loss(Batch(fake, [], random)))

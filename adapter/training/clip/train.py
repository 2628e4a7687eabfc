"""Contrastive training of projection and text tower on cached features."""

import itertools
import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adapter.synthetic.heads.facts import FACTS
from adapter.synthetic.styles.style import prompts
from adapter.training.clip.captions import (
    SOURCE,
    STYLE_NAMES,
    Caption,
    nonsense_caption,
    person_caption,
    style_caption,
    truth,
    with_filler,
)
from adapter.training.clip.data import VERSIONS, Features
from adapter.utils.torchvision_compat import ensure_torchvision

ensure_torchvision()
from open_clip import SimpleTokenizer  # noqa: E402

MAX_LOGIT_SCALE = math.log(60)


@dataclass(frozen=True)
class Settings:
    """Of one training run."""

    steps: int = 1500
    batch: int = 256
    nonsense: int = 32  # captions per batch that fit nothing
    person_share: float = 0.65  # of the captions say something about the person
    filler_share: float = 0.12  # of the captions get meaningless words added
    plain_share: float = 0.6  # of the images are plain renders
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    feature_noise: float = 0.15  # in standard deviations of each feature
    seed: int = 0


def train(model: nn.Module, features: Features, settings: Settings, report: Callable[[str], None]) -> None:
    """Train everything but the trunk, in place.

    Both softmaxes of CLIP (Radford et al. 2021) with all true pairs of the batch as targets, in equal parts: what a
    caption is true of is known exactly here. Captions of unknown words stand among the texts, true of nothing.
    """
    rng = np.random.default_rng(settings.seed)
    generator = torch.Generator().manual_seed(settings.seed)
    words = unknown_words()
    tokenizer = SimpleTokenizer(context_length=model.text.context_length)
    projection, text = model.visual.head, model.text
    pooled = torch.from_numpy(features.pooled)
    spread = standardize(projection, pooled)
    draw = _Sampler(features, settings.plain_share)
    matrices = [p for p in (*projection.parameters(), *text.parameters()) if p.ndim > 1]
    vectors = [p for p in (*projection.parameters(), *text.parameters(), model.logit_scale) if p.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [
            {"params": matrices, "weight_decay": settings.weight_decay},
            {"params": vectors, "weight_decay": 0.0},
        ],
        lr=settings.learning_rate,
        betas=(0.9, 0.98),
    )
    model.train()
    for step in range(settings.steps):
        rate = min(1, (step + 1) / 100) * 0.5 * (1 + math.cos(math.pi * step / settings.steps)) + 1e-3
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * rate
        rows = draw(rng, settings.batch)
        captions = _captions(rng, features, rows, words, settings)
        seen = pooled[rows, torch.randint(VERSIONS, (len(rows),), generator=generator)].float()
        noise = settings.feature_noise * spread * torch.randn(seen.shape, generator=generator)
        image = F.normalize(projection(seen + noise), dim=-1)
        written = F.normalize(_encode(text, tokenizer([caption.text for caption in captions])), dim=-1)
        true = torch.from_numpy(truth(captions, features.styles[rows], features.facts[rows]))
        loss = contrastive_loss(image, written, true, model.logit_scale.exp())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, MAX_LOGIT_SCALE)
        if step % 100 == 99:
            excess = loss.item() - _least_loss(true)
            report(f"step {step + 1} of {settings.steps}: loss {excess:.3f}, scale {model.logit_scale.exp():.1f}")
    model.eval()


def contrastive_loss(image: Tensor, text: Tensor, true: Tensor, scale: Tensor) -> Tensor:
    """Cross-entropy in both directions, spread evenly over the true pairs.

    Args:
        image: [N, D] unit vectors.
        text: [M, D] unit vectors.
        true: [N, M] bool; rows and columns without any true pair are left out of the softmax over them.
        scale: of the logits.
    """
    logits = scale * image @ text.T
    return _one_way(logits, true) + _one_way(logits.T, true.T)


def standardize(projection: nn.Module, pooled: Tensor) -> Tensor:
    """Fold centring and scaling of the features into the projection's first layer.

    Args:
        projection: open_clip's head with `mlp.fc1`.
        pooled: [N, VERSIONS, C] features.

    Returns:
        [C] standard deviation of each feature.
    """
    flat = pooled[:, 0].float()
    mean, spread = flat.mean(0), flat.std(0) + 1e-2
    first = projection.mlp.fc1
    with torch.no_grad():
        first.weight /= spread
        first.bias -= first.weight @ mean
    return spread


def unknown_words() -> list[str]:
    """Whole words of CLIP's tokenizer that none of the wordings uses."""
    texts = itertools.chain.from_iterable(wordings for sets in prompts().values() for wordings in sets.values())
    known = set(re.findall("[a-z]+", " ".join(texts))) | set(COMMON_WORDS.split())
    words = (token[:-4] for token in SimpleTokenizer().encoder if token.endswith("</w>"))
    return [word for word in words if re.fullmatch("[a-z]{3,}", word) and word not in known]


# Words of captions about people and of templates: never offered as unknown ones.
COMMON_WORDS = (
    "the and with without man woman boy girl child kid person people face head human portrait photo picture image "
    "male female lady guy gentleman someone hair black brown dark blond blonde grey gray white red long short bald "
    "beard bearded glasses spectacles smile smiling happy serious young old elderly adult style art looks like "
    "detailed this that make turn into showing drawing painting sculpture render rendering cartoon sketch statue figure"
)


def _one_way(logits: Tensor, true: Tensor) -> Tensor:
    rows = true.any(1)
    target = true[rows].float()
    target = target / target.sum(1, keepdim=True)
    return -(target * logits[rows].log_softmax(1)).sum(1).mean()


def _least_loss(true: Tensor) -> float:
    """What `contrastive_loss` cannot fall below: the entropy of its targets."""
    sums = (true.sum(1), true.sum(0))
    return sum(float(count[count > 0].float().log().mean()) for count in sums)


def _captions(
    rng: np.random.Generator, features: Features, rows: np.ndarray, words: list[str], settings: Settings
) -> list[Caption]:
    captions = []
    for row in rows:
        style = int(features.styles[row])
        about = rng.random() < settings.person_share
        caption = person_caption(rng, style, features.facts[row]) if about else style_caption(rng, style)
        captions.append(with_filler(rng, caption, words) if rng.random() < settings.filler_share else caption)
    return captions + [nonsense_caption(rng, words) for _ in range(settings.nonsense)]


def _encode(text: nn.Module, tokens: Tensor) -> Tensor:
    """Run the text tower on as many positions as the longest caption has: the padding after it is never read."""
    length = int((tokens != 0).sum(1).max())
    mask = text.attn_mask
    text.attn_mask = mask[:length, :length]
    try:
        return text(tokens[:, :length])
    finally:
        text.attn_mask = mask


class _Sampler:
    """Draws rows: plain renders evenly over the values of a random fact, styled ones evenly over the styles."""

    def __init__(self, features: Features, plain_share: float) -> None:
        self.plain_share = plain_share
        plain = np.flatnonzero(features.styles == SOURCE)
        self.by_fact = [
            [plain[features.facts[plain, column] == value] for value in range(len(values))]
            for column, values in enumerate(FACTS.values())
        ]
        self.by_style = [np.flatnonzero(features.styles == style) for style in range(len(STYLE_NAMES))]

    def __call__(self, rng: np.random.Generator, count: int) -> np.ndarray:
        rows = []
        for _ in range(count):
            groups = self.by_fact[int(rng.integers(len(FACTS)))] if rng.random() < self.plain_share else self.by_style
            groups = [group for group in groups if len(group)]
            group = groups[int(rng.integers(len(groups)))]
            rows.append(group[int(rng.integers(len(group)))])
        return np.array(rows)

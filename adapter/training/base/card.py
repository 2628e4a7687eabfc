"""The card beside the embedded base: what it is, how it was made, how good it is."""

TEMPLATE = """# heads

A small EG3D of synthetic human heads: {parameters:,} parameters, {image} px images from {raw} px features, {plane} px
planes. It regresses renders of parametric heads, so a latent z ~ N(0, I) has {named} fixed, named directions
(`adapter/synthetic/heads/attributes.py`). No photograph of a person was used.

- **Licence:** weights CC0-1.0. The heads are made from MakeHuman's CC0 shapes.
- **Made by:** the commands at the top of `adapter/training/base/__main__.py`; the last run
  took {steps} steps.
- **Files:** `model.safetensors` (fp16), `config.json`, and `directions.json`, the named edits.

## Measured on {heads} held-out heads from {views} sides

Printed by `python -m adapter.training.base evaluate checkpoints/heads` against
`python -m adapter.synthetic.heads dataset work/data/val --identities 64 --views 4 --seed 2 --even`.

| metric | value |
| --- | --- |
| PSNR at {image} px | {psnr:.2f} dB |
| PSNR, foreground | {psnr_foreground:.2f} dB |
| mask IoU | {mask_iou:.3f} |
| perceptual distance (ours: normalised EfficientNet-Lite0 features, 0 to 4) | {perceptual:.3f} |
| reprojection error between neighbouring views (0 to 2; truth: {reprojection_truth:.3f}) | {reprojection:.3f} |

Share of each attribute's true effect that the generator shows, from -1.8 to +1.8 standard deviations:

| attribute | effect |
| --- | --- |
{effects}
"""


def write_card(facts: dict[str, float | int | str], effects: dict[str, float]) -> str:
    """The card's Markdown.

    Args:
        facts: every other placeholder of the template by name.
        effects: share of the true effect by attribute.
    """
    rows = "\n".join(f"| {name.replace('_', ' ')} | {value:.2f} |" for name, value in effects.items())
    return TEMPLATE.format(effects=rows, named=len(effects), **facts)

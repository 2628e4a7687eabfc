"""The card of the inverter: what it is, how it was made, how good it is."""

TEMPLATE = """# inverter-{base}

Finds the extended latent (W+) behind a picture of a head in one pass, for the embedded base `{base}`: the start of an
inversion, and what DiFa's selective consistency compares pictures by.

- **How:** a small head ({parameters:,} parameters) on features of clip-heads' frozen image tower (`stage2`, `stage4`,
  `stage6`), predicting a residual to the mean latent for each of {num_ws} rows, and the camera's yaw and pitch.
- **Trained on:** {generated:,} renders of the base (psi 1, {mixed:.0%} of the people with rows of two latents, yaw up
  to {yaw} and pitch up to {pitch} radians) and {rendered:,} true renders of the heads it learned from; {steps}
  steps. It fits these weights of the base only: fingerprint `{fingerprint}`.
- **Made by:** `python -m adapter.training.inverter {command}`, after the renders at the top of
  `adapter/training/base/__main__.py`.
- **Licence:** CC0-1.0.
- **Files:** `model.safetensors` (fp16), `config.json`.

## Measured

Printed by `python -m adapter.training.inverter evaluate`.

| {people} people of the base that training never saw | |
| --- | --- |
{held_out}

| {heads} held-out heads, true renders | |
| --- | --- |
{true}

w error 1 is that of always answering the mean latent. Retrieval: the person's own latent, or the same person's code
from the other side, is the nearest of {people} (cosine around the mean latent). Perceptual distance: ours, unit tokens
of clip-heads, 0 to 4. "base's own": the base's render of the true latent.
"""


def write_card(facts: dict[str, object], held_out: dict[str, float], true: dict[str, float]) -> str:
    """The card's Markdown.

    Args:
        facts: every other placeholder of the template by name.
        held_out, true: numbers by name.
    """
    return TEMPLATE.format(held_out=_rows(held_out), true=_rows(true), **facts)


def _rows(numbers: dict[str, float]) -> str:
    return "\n".join(f"| {name} | {value:.3f} |" for name, value in numbers.items())

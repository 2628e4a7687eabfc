"""`python -m adapter.training.clip all|features|train|evaluate`: make the embedded CLIP again.

Needs plain renders: `python -m adapter.synthetic.heads dataset work/data/train --identities 7000`.
About 12 minutes on one core; `features` resumes where it stopped.
"""

import argparse
from pathlib import Path

import torch

from adapter.encoders.encoder import ImageEncoder
from adapter.encoders.models import EMBEDDED_MODELS, create_model
from adapter.encoders.text import TextEncoder
from adapter.synthetic.styles import STYLES
from adapter.synthetic.styles.style import prompts
from adapter.training.clip import checkpoint, data
from adapter.training.clip.card import write_card
from adapter.training.clip.evaluate import confusions, embed, report
from adapter.training.clip.train import Settings, train
from adapter.utils.storage import write_json
from adapter.utils.torchvision_compat import ensure_torchvision

TRAINING_SEED = 1
PLAIN_HELD_OUT = 1500  # last identities of the plain renders


def main() -> None:
    """Parse the command line and run the steps."""
    parser = argparse.ArgumentParser(prog="python -m adapter.training.clip", description=__doc__)
    parser.add_argument("step", choices=("all", "features", "train", "evaluate"))
    parser.add_argument("--work", type=Path, default=Path("work/clip"), help="folder for cached features")
    parser.add_argument("--renders", type=Path, default=Path("work/data/train"), help="plain renders")
    parser.add_argument("--plain", type=int, default=7000, help="plain renders to use")
    parser.add_argument("--heads", type=int, default=300, help="heads to render in every style")
    parser.add_argument("--held-out-heads", type=int, default=40)
    parser.add_argument("--steps", type=int, default=Settings.steps)
    parser.add_argument("--seed", type=int, default=Settings.seed)
    parser.add_argument("--out", type=Path, default=EMBEDDED_MODELS["clip-heads"])
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    ensure_torchvision()
    if options.step in ("all", "features"):
        make_features(options)
    if options.step in ("all", "train"):
        model = checkpoint.new_model(options.seed)
        features = data.join(data.load(options.work, f"styled-{TRAINING_SEED}-*.npz"), plain(options, held_out=False))
        train(model, features, Settings(steps=options.steps, seed=options.seed), say)
        checkpoint.save(model, options.out)
    if options.step in ("all", "train", "evaluate"):
        evaluate(options)


def make_features(options: argparse.Namespace) -> None:
    """Cache the trunk's features of all images."""
    encoder = ImageEncoder(checkpoint.new_model().eval())
    data.make_plain(options.work, encoder, options.renders, 0, options.plain, say)
    data.make_styled(options.work, encoder, options.held_out_heads, data.HELD_OUT_SEED, say)
    data.make_styled(options.work, encoder, options.heads, TRAINING_SEED, say)


def plain(options: argparse.Namespace, held_out: bool) -> data.Features:
    """Features of plain renders: the last identities are kept for evaluation."""
    everything = data.load(options.work, "plain-*.npz")
    border = len(everything.styles) - min(PLAIN_HELD_OUT, len(everything.styles) // 4)
    return everything.part(slice(border, None) if held_out else slice(0, border))


def evaluate(options: argparse.Namespace) -> None:
    """Measure the checkpoint and write its card and vocabulary."""
    model, tokenizer = create_model(options.out)
    text = TextEncoder(model, tokenizer)
    styled = data.load(options.work, f"styled-{data.HELD_OUT_SEED}-*.npz")
    measured = report(model, text, styled, plain(options, held_out=True))
    towers = checkpoint.CONFIG["model_cfg"]
    print(
        write_card(
            options.out,
            measured,
            {
                "dimensions": towers["embed_dim"],
                "width": towers["text_cfg"]["width"],
                "layers": towers["text_cfg"]["layers"],
                "context": towers["text_cfg"]["context_length"],
                "styles": len(STYLES),
                "answers": len(STYLES) + 1,
            },
        )
    )
    wordings = {name: [*sets["training"], *sets["held_out"]] for name, sets in prompts().items()}
    write_json(
        options.out / "vocabulary.json",
        {"threshold": round(measured["vocabulary"]["threshold"], 3), "styles": wordings},
    )
    for style, taken_for, share in confusions(embed(model, styled), styled.styles, text)[:8]:
        say(f"{style} taken for {taken_for}: {share:.0%}")


def say(line: str) -> None:
    """Print at once."""
    print(line, flush=True)


if __name__ == "__main__":
    main()

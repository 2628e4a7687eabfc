"""`python -m adapter.training.classifier all|features|fit`: make the classifier of the evaluation again.

About 8 minutes on one core; `features` resumes where it stopped.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from adapter.evaluation.classifier import CONFIG_FILE, FOLDER, TRUNK, WEIGHTS_FILE, load_classifier, make_trunk
from adapter.synthetic.ground_truth import CLASSES
from adapter.training.classifier import data
from adapter.training.classifier.card import write_card
from adapter.training.classifier.fit import fit_heads
from adapter.training.classifier.measure import report
from adapter.training.classifier.trunk import imagenet_state
from adapter.utils.storage import write_json, write_tensors

TRAINING_SEED, HELD_OUT_SEED = 2, 2_000_003


def main() -> None:
    """Parse the command line and run the steps."""
    parser = argparse.ArgumentParser(prog="python -m adapter.training.classifier", description=__doc__)
    parser.add_argument("step", choices=("all", "features", "fit"))
    parser.add_argument("--work", type=Path, default=Path("work/classifier"), help="folder for cached features")
    parser.add_argument("--heads", type=int, default=700)
    parser.add_argument("--held-out-heads", type=int, default=100)
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.step in ("all", "features"):
        make_features(options)
    if options.step in ("all", "fit"):
        fit(options)


def make_features(options: argparse.Namespace) -> None:
    """Cache the trunk's features of all images."""
    trunk = make_trunk(imagenet_state())
    data.make_features(options.work, trunk, options.held_out_heads, HELD_OUT_SEED, say)
    data.make_features(options.work, trunk, options.heads, TRAINING_SEED, say)


def fit(options: argparse.Namespace) -> None:
    """Fit the heads, write the checkpoint, measure it and write its card."""
    training = data.load(data.shards(options.work, options.heads, TRAINING_SEED))
    held_out = data.load(data.shards(options.work, options.held_out_heads, HELD_OUT_SEED))
    classes = {"style": data.STYLE_NAMES, **CLASSES}
    heads = fit_heads(training, classes, say)
    save(options.out, heads, classes)
    measured = report(load_classifier(options.out), held_out)
    print(write_card(options.out, measured, len(np.unique(training.people)), len(training.styles)))


def save(folder: Path, heads: dict[str, torch.Tensor], classes: dict[str, tuple[str, ...]]) -> None:
    """Write trunk and heads, matrices in half precision, and the names of the classes."""
    tensors = {f"trunk.{name}": tensor for name, tensor in imagenet_state().items()} | heads
    halved = {name: tensor.half() if tensor.ndim > 1 else tensor for name, tensor in tensors.items()}
    write_tensors(folder / WEIGHTS_FILE, halved, {"format": "pt", "licence": "Apache-2.0"})
    write_json(folder / CONFIG_FILE, {"trunk": TRUNK, "answers": {name: list(all_) for name, all_ in classes.items()}})


def say(line: str) -> None:
    """Print at once."""
    print(line, flush=True)


if __name__ == "__main__":
    main()

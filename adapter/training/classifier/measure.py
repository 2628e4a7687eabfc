"""Accuracy of the classifier on identities that it was not fitted on."""

import torch
from torch import Tensor

from adapter.evaluation.classifier import Classifier
from adapter.evaluation.consistency import retention
from adapter.synthetic.ground_truth import CLASSES, class_of
from adapter.training.classifier.data import STYLE_NAMES, Features

VERSIONS = ("as it is", "augmented")


def report(classifier: Classifier, held_out: Features) -> dict[str, dict[str, float]]:
    """Balanced accuracies by table and attribute."""
    measured: dict[str, dict[str, float]] = {}
    for version, title in enumerate(VERSIONS):
        features = standardized(classifier, held_out, version)
        styles = [STYLE_NAMES[style] for style in held_out.styles]
        rows = {"style": retention([classifier.predict(features, "style")], [styles])}
        for attribute, names in CLASSES.items():
            true = [names[index] for index in class_of(held_out.facts, attribute)]
            rows[attribute] = retention([classifier.predict(features, attribute)], [true])
        measured[f"balanced accuracy, {title}"] = rows
    return measured


def standardized(classifier: Classifier, features: Features, version: int) -> Tensor:
    """The classifier's features [N, D] of cached ones."""
    return (torch.from_numpy(features.pooled[:, version]).float() - classifier.mean) / classifier.deviation

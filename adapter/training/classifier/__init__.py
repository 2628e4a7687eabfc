"""Makes the classifier of the evaluation: an ImageNet trunk with heads fitted on styled renders."""

"""The judge of the evaluation: an ImageNet trunk with heads fitted on styled renders, and the ground truth itself."""

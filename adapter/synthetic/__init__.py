"""Synthetic heads and procedural styles with ground truth; used by the training and by the evaluation only."""

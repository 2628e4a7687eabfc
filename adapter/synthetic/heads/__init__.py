"""Synthetic human heads: the training data of the embedded generator (MakeHuman shapes, own renderer)."""

"""Training of the W+ encoder of a base, and of its file of editing directions."""

"""Training of the embedded base ``heads``: a small EG3D that regresses renders of synthetic heads."""

"""The embedded base ``faces``: photographic people, their data and the training of a small EG3D on them."""

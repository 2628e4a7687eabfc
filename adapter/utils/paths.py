"""Where the embedded weights lie."""

from pathlib import Path

CHECKPOINTS = Path(__file__).resolve().parents[2] / "checkpoints"
"""One folder for each embedded model."""

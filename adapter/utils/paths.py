"""Where the program and what comes with it lie."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The folder of ``app.py``."""
CHECKPOINTS = ROOT / "checkpoints"
"""One folder for each embedded model."""
EXAMPLES = ROOT / "examples"
"""Reference pictures."""

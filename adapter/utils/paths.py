"""Where the program and what comes with it lie."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The folder of ``app.py``."""
CHECKPOINTS = ROOT / "checkpoints"
"""One folder for each embedded model."""
EXAMPLES = ROOT / "examples"
"""Reference pictures."""


def base_folder(base: str | Path) -> Path | None:
    """The folder of an embedded base, or of one that is given by its folder; None for others."""
    return next((folder for folder in (CHECKPOINTS / base, Path(base)) if folder.is_dir()), None)

"""The people that visitors find in portraits: their files, and the edits of a base. Loads no torch by itself."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from adapter.service.kept_files import arrived, keep
from adapter.service.settings import Settings
from adapter.utils.paths import CHECKPOINTS

FIRST_EDITS = ("smile", "mouth_open", "eyes_open", "age", "sex", "hair_tone", "skin_tone", "glasses", "face_width")
"""Shown before all others; a base may call some of them by the names in `_OTHER_NAMES`."""
_OTHER_NAMES = {"complexion": "skin_tone", "eye_size": "eyes_open", "jaw_width": "face_width"}


@dataclass(frozen=True)
class Edit:
    """An edit that a base offers: its name, and what a person becomes at its two ends, as words."""

    name: str
    low: str
    high: str

    @property
    def label(self) -> str:
        """As a slider is labelled."""
        return f"{self.name.replace('_', ' ').capitalize()}"


def edits(base: str) -> tuple[Edit, ...]:
    """The edits of a base, those that every base has first; none where its directions were not found yet."""
    for folder in (CHECKPOINTS / base, Path(base)):
        path = folder / "directions.json"
        if path.is_file():
            entries = json.loads(path.read_bytes())["directions"]
            found = [Edit(str(entry["name"]), str(entry["low"]), str(entry["high"])) for entry in entries]
            return tuple(sorted(found, key=_rank))
    return ()


def accept_person(path: str | os.PathLike, folder: Path, settings: Settings) -> Path:
    """Check a person's file from a stranger and keep a copy.

    Args:
        path: the upload.
        folder: of the visitor, for the copy.
        settings: name the base.

    Raises:
        UserError: too large, no person's file, damaged, or of another base.
    """
    given = arrived(path, "person")
    from adapter.latents.person import Person  # loads torch, when the page is already up
    from adapter.service import models

    Person.load(given).check(models.resting_generator(settings.base, str(settings.library)))
    return keep(given, folder, "person")


def _rank(edit: Edit) -> int:
    name = _OTHER_NAMES.get(edit.name, edit.name)
    return FIRST_EDITS.index(name) if name in FIRST_EDITS else len(FIRST_EDITS)

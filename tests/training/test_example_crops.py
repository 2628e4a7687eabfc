"""The squares of the examples are those that the command proposes, or were set by hand and are kept."""

import json
from pathlib import Path

from adapter.training import example_crops
from adapter.utils.paths import EXAMPLES

REFERENCES = EXAMPLES / "references.json"
BY_HAND = {"arcimboldo-spring.jpg", "arcimboldo-librarian.jpg"}


def test_squares_of_the_default_base_are_proposed_again_as_they_are(tmp_path: Path):
    file, kept = tmp_path / "references.json", json.loads(REFERENCES.read_text(encoding="utf-8"))
    entries = json.loads(REFERENCES.read_text(encoding="utf-8"))
    for entry in entries:
        if entry["file"] not in BY_HAND:
            del entry["crops"]["faces"]
    file.write_text(json.dumps(entries), encoding="utf-8")
    example_crops.main(["faces", "--file", str(file)])
    assert json.loads(file.read_text(encoding="utf-8")) == kept

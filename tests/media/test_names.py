"""Downloads are named after style, seed and time."""

import os
import re
from pathlib import Path

from adapter.media.names import named


def test_the_name_tells_style_seed_and_time(tmp_path: Path):
    path = tmp_path / "orbit.mp4"
    path.write_bytes(b"video")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    there = named(path, "A bronze statue, 8k!", 7)
    assert re.fullmatch(
        r"a-bronze-statue-8k-seed-7-20231114-\d{6}-orbit\.mp4|a-bronze-statue-8k-seed-7-20231115-.*", there.name
    )
    assert there.read_bytes() == b"video"
    assert named(path, "A bronze statue, 8k!", 7) == there


def test_three_runs_have_three_names(tmp_path: Path):
    names = set()
    for run in range(3):
        path = tmp_path / str(run) / "grid.png"
        path.parent.mkdir()
        path.touch()
        os.utime(path, (1_700_000_000 + run, 1_700_000_000 + run))
        names.add(named(path, "青铜雕像", 0).name)
    assert len(names) == 3
    assert all(name.startswith("青铜雕像-seed-0-") for name in names)


def test_a_name_is_never_a_path_and_never_too_long(tmp_path: Path):
    path = tmp_path / "domain.safetensors"
    path.touch()
    assert named(path, "../../etc/passwd", 1).parent == tmp_path
    assert len(named(path, "x" * 4000, 1).name) < 120
    assert named(path, "🙂", 1).name.startswith("style-seed-1-")

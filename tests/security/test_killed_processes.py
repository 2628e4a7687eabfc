"""A process that is killed while it writes leaves whole files or none, and the next one starts clean."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import pytest
from PIL import Image

from adapter.adaptation.domain import Domain
from adapter.utils.storage import read_json

ROOT = Path(__file__).parents[2]
WRITER = """
import sys
from pathlib import Path

import numpy as np
import torch

from adapter.adaptation.domain import Domain, DomainMetadata
from adapter.media.grids import save_png
from adapter.media.video import write_mp4
from adapter.utils.storage import write_json

folder, frames = Path(sys.argv[1]), np.random.default_rng(0).integers(0, 256, (12, 128, 128, 3), dtype=np.uint8)
domain = Domain({f"w{i}": torch.randn(256, 256).half() for i in range(8)}, DomainMetadata("heads", "0" * 64, "m"))
while True:
    domain.save(folder / "domain.safetensors")
    save_png(folder / "grid.png", frames[0])
    write_mp4(folder / "orbit.mp4", iter(frames), 24)
    write_json(folder / "settings.json", {"steps": list(range(20_000))})
    print("wrote everything once", flush=True)
"""


def check(folder: Path) -> set[str]:
    """Read everything that has a name of its own; names that begin with a dot are of unfinished files."""
    seen = set()
    for path in [path for path in folder.iterdir() if not path.name.startswith(".")]:
        seen.add(path.name)
        if path.suffix == ".safetensors":
            assert len(Domain.load(path).weights) == 8
        elif path.suffix == ".png":
            with Image.open(path) as image:
                image.load()
        elif path.suffix == ".mp4":
            with av.open(str(path)) as video:
                assert sum(1 for _ in video.decode(video=0)) == 12
        else:
            assert len(read_json(path)["steps"]) == 20_000
    return seen


@pytest.mark.slow
def test_whole_files_or_none(tmp_path: Path):
    rng, seen = random.Random(0), set()
    for _ in range(4):
        command = [sys.executable, "-c", WRITER, str(tmp_path)]
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )
        process.stdout.readline()
        time.sleep(rng.uniform(0.05, 1.0))
        process.send_signal(signal.SIGKILL)
        process.wait()
        seen |= check(tmp_path)
    assert seen == {"domain.safetensors", "grid.png", "orbit.mp4", "settings.json"}

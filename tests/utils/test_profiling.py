import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from adapter.utils.profiling import measured

CPU = torch.device("cpu")
ROOT = Path(__file__).parents[2]
PEAKS = """
import json, torch
from adapter.utils.profiling import measured
peaks = []
for count in (1, 64 << 20, 1):
    with measured(torch.device("cpu")) as cost:
        block = torch.ones(count)
        del block
    peaks.append(cost.peak_bytes)
print(json.dumps(peaks))
"""


def test_seconds_are_wall_time() -> None:
    with measured(CPU) as cost:
        time.sleep(0.05)
    assert cost.seconds >= 0.05


def test_the_peak_is_that_of_the_block() -> None:
    """In a process of its own: one that has worked for long holds memory that a block may use again."""
    found = subprocess.run([sys.executable, "-c", PEAKS], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    idle, busy, after = json.loads(found)
    if idle is not None:
        assert 200e6 < busy - idle < 400e6
        assert after < busy - 200e6


def test_the_cost_of_a_failing_block_is_known_too() -> None:
    with pytest.raises(RuntimeError, match="stop"), measured(CPU) as cost:
        raise RuntimeError("stop")
    assert cost.seconds > 0

"""Runs checks on the pretend device in a process of their own, as a process that has it keeps it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
MARK = "CHECKS "


def run_checks(module: str, *arguments: str) -> dict[str, dict[str, Any]]:
    """What the checks of a module of this folder tell, by title."""
    command = [sys.executable, "-m", f"tests.gpu.{module}", *arguments]
    # Two threads that spin for each other beside other tests would take several times as long.
    threads = {"OMP_NUM_THREADS": "2", "OMP_WAIT_POLICY": "passive"}
    environment = {**os.environ, **threads, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900)
    lines = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
    assert lines, done.stdout[-2000:] + done.stderr[-4000:]
    return json.loads(lines[-1].removeprefix(MARK))

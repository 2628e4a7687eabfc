import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from adapter.__main__ import main
from adapter.eg3d import PRESETS, Generator
from adapter.evaluation import benchmarks
from adapter.evaluation.benchmarks import BUSY_HEADER, HEADER, Row, busy_table, measure, rendering_rows, table
from tests.helpers.processes import running, until

SMALL = dataclasses.replace(
    PRESETS["heads"], plane_resolution=32, channel_base=256, channel_max=8, raw_resolution=8, w_dim=16
)


def test_table_is_markdown():
    rows = [Row("heads", "planes", 0.5, 1.0, 2**20), Row("heads", "pair", 0.25, None, 2**21)]
    lines = table(rows).splitlines()
    assert lines[0] == "| " + " | ".join(HEADER) + " |"
    assert lines[2] == "| heads | planes | 2.00 | 0.5000 | 1.0000 | 2.00 | 1 MiB |"
    assert lines[3] == "| heads | pair | 4.00 | 0.2500 |  |  | 2 MiB |"
    assert {line.count("|") for line in lines} == {len(HEADER) + 1}


def test_measure_takes_the_shortest_call_after_a_warm_up(monkeypatch):
    durations, clock = iter([9.0, 3.0, 1.0, 2.0]), [0.0]
    monkeypatch.setattr(benchmarks.time, "perf_counter", lambda: clock[0])

    def work():
        clock[0] += next(durations)

    assert measure(work, torch.device("cpu"), repeats=3) == 1.0


@pytest.mark.parametrize("plain", [True, False])
def test_every_part_of_a_frame_is_measured(plain):
    rows = list(rendering_rows("small", Generator(SMALL).eval().requires_grad_(False), repeats=1, plain=plain))
    assert [row.what.split(",")[0] for row in rows] == [
        "planes",
        "rendering",
        "super-resolution",
        "source+target frame",
        "source+target frame of a video",
        "source+target frame",
    ]
    assert all(row.seconds > 0 and row.memory > 0 for row in rows)
    assert all((row.plain_seconds is not None) == plain for row in rows)


def test_times_beside_a_busy_process_are_compared():
    seconds = iter([0.5, 0.75])
    lines = busy_table(lambda: [Row("heads", "planes", next(seconds), None, None)]).splitlines()
    assert lines[0] == "| " + " | ".join(BUSY_HEADER) + " |"
    assert lines[2] == "| heads | planes | 0.5000 | 0.7500 | 1.50 |"


@pytest.mark.parametrize("arguments", [["--device", "toaster"], ["--repeats", "0"], ["--steps", "-1"]])
def test_impossible_measurements_are_explained(arguments, capsys):
    assert main(["benchmark", *arguments]) == 2
    assert capsys.readouterr().err.strip().endswith(".")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_busy_process_does_not_outlive_a_killed_benchmark():
    script = (
        "import sys, time\n"
        "from adapter.evaluation.benchmarks import busy_process\n"
        "with busy_process() as process:\n"
        "    print(process.pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    benchmark = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    busy = int(benchmark.stdout.readline())
    benchmark.kill()
    benchmark.wait()
    until(lambda: not running(busy), 10)

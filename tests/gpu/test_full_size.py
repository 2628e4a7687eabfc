"""Every offered method at its real size: it runs, waits little, moves little, fits, and is asked enough seconds for."""

import dataclasses

import pytest

from adapter.eg3d import PRESETS
from adapter.methods import METHODS
from adapter.service import gpu_time
from tests.gpu.processes import run_checks

pytestmark = pytest.mark.slow
WAITS_A_STEP, WAITS_A_FRAME, OPERATIONS_A_FRAME = 6, 4, 600
GIGABYTES_OF_G2, GIBIBYTES = 23, 16


@pytest.fixture(scope="module")
def told():
    return run_checks("full_size_checks")


def of_base(told, base: str) -> dict[str, dict]:
    return {title.removeprefix(f"{base}: "): one["result"] for title, one in told.items() if title.startswith(base)}


def steps(told, base: str = "") -> list[tuple[str, dict]]:
    """The counted steps with their titles."""
    return [
        (f"{title}, {stage}", cost)
        for title, one in told.items()
        for stage, cost in one["result"].items()
        if title.startswith(base) and "operations" in cost and stage not in ("frame", "pictures")
    ]


def test_every_offered_method_runs_on_every_kind_of_base(told):
    assert {title: one["error"] for title, one in told.items() if one["error"]} == {}
    for base in ("ffhq512", "shapenetcars128", "heads"):
        assert {title.partition(",")[0] for title in of_base(told, base)} == {"frames", *METHODS}


def test_cats_are_ffhq_but_for_where_cameras_look():
    cats, faces = PRESETS["afhqcats512"], PRESETS["ffhq512"]
    assert dataclasses.replace(cats, camera_pivot=faces.camera_pivot) == faces


def test_steps_wait_little(told):
    assert {title: cost["waited for"] for title, cost in steps(told) if cost["waits"] > WAITS_A_STEP} == {}


def test_frames_are_few_operations(told):
    for base in ("ffhq512", "shapenetcars128"):
        frame = of_base(told, base)["frames"]["frame"]
        assert frame["waits"] <= WAITS_A_FRAME, frame["waited for"]
        assert frame["operations"] <= OPERATIONS_A_FRAME
        assert frame["gigabytes"] <= gpu_time.FRAME.gigabytes


def test_no_helper_thread_of_the_cpu_drives_the_device(told):
    assert {title: one["helpers"] for title, one in told.items() if one["helpers"]} == {}


def test_memory_and_traffic_stay_within_bounds(told):
    peaks = {title: one["result"]["whole"]["peak"] for title, one in told.items() if "whole" in one["result"]}
    assert len(peaks) >= 15
    assert max(peaks.values()) <= GIBIBYTES, peaks
    g2 = of_base(told, "ffhq512")["3d-adapter, draft"]["1"]
    assert g2["gigabytes"] <= GIGABYTES_OF_G2


KINDS = {
    "3d-adapter, draft, 0": "decoder",
    "3d-adapter, draft, 1": "superresolution",
    "difa, draft, 0": "synthesis",
    "nada, draft, 0": "synthesis",
    "dorm, draft, 0": "remodulation",
    "finetune, draft, 0": "adversarial",
}


def test_seconds_are_asked_for_by_what_is_counted(told):
    """No more than a tenth too few, nor two fifths too many: a stage's costliest method stands for all."""
    counted = {title.removeprefix("ffhq512: "): cost for title, cost in steps(told, "ffhq512")}
    for title, kind in KINDS.items():
        work, cost = gpu_time.STEPS[kind], counted[title]
        for expected, found in (
            (work.gigabytes, cost["gigabytes"]),
            (work.gigaflops, cost["gigaflops"]),
            (work.operations, cost["operations"]),
        ):
            assert 0.9 * found <= expected <= 1.4 * found, (title, expected, found)

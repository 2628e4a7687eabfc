"""The pretend device refuses what CUDA refuses, and counts."""

from tests.gpu.processes import run_checks


def test_the_device_refuses_and_counts():
    told = run_checks("device_checks")
    assert len(told) == 4
    assert {title: one["error"] for title, one in told.items() if one["error"]} == {}

"""Means and spreads over seeds, and the comparison with a reference row."""

import pytest

from adapter.evaluation.metrics import METRICS
from adapter.evaluation.report import write_report
from adapter.evaluation.runner import MethodEntry, missing_cells, run_evaluation
from adapter.evaluation.seeds import mean_over_seeds, missed_metrics, spread
from tests.evaluation.tiny import make_context


def measured(**values: float) -> dict[str, float | None]:
    return dict.fromkeys(METRICS) | values


RESULTS = {
    0: {"full": {"a": measured(kid=1.0, psnr=20)}, "less": {"a": measured(kid=1.1, psnr=15)}},
    1: {"full": {"a": measured(kid=1.2, psnr=21)}, "less": {"a": measured(kid=1.3, psnr=16)}},
}


def test_mean_and_spread_over_seeds() -> None:
    assert mean_over_seeds(RESULTS)["full"]["a"]["kid"] == pytest.approx(1.1)
    assert mean_over_seeds(RESULTS)["full"]["a"]["edges"] is None
    assert spread(RESULTS, "less", ["a"])["psnr"] == 1
    assert spread(RESULTS, "less", ["a"])["edges"] is None


def test_only_what_exceeds_the_spread_is_missed() -> None:
    assert missed_metrics(RESULTS, "less", "full", ["a"]) == ["psnr"]
    assert missed_metrics(RESULTS, "full", "less", ["a"]) == []


def test_an_ablation_over_seeds_resumes_and_is_compared(tmp_path, classifier, entries) -> None:
    eval_context = make_context(tmp_path, classifier, seeds=(0, 1))
    method = entries[0].method
    rows = [
        MethodEntry("3d-adapter:full", "full", method),
        MethodEntry("3d-adapter:less", "less", method.with_weights({"colour_distribution": 1.0})),
    ]
    steps = run_evaluation(eval_context, rows, ("orc",))
    for step in steps:
        if step.done == 5:  # the baselines and one method
            break
    steps.close()
    assert [str(cell) for cell in missing_cells(eval_context, rows, ("orc",))] == [
        "orc, 3d-adapter:less",
        "orc, 3d-adapter:less, seed 1",
    ]
    *_, results = run_evaluation(eval_context, rows, ("orc",))
    assert set(results) == {0, 1}
    assert results[0]["source"] == results[1]["source"]
    assert results[0]["3d-adapter:full"]["orc"]["kid"] != results[1]["3d-adapter:full"]["orc"]["kid"]
    text = write_report(eval_context, results, rows, ("orc",))
    assert text.splitlines()[0].endswith("| missed |")
    assert "2 seeds" in text
    assert (tmp_path / "cells" / "orc" / "3d-adapter-less-seed-1.safetensors").is_file()

"""Ranks and goals of results made up by hand."""

import pytest

from adapter.evaluation.metrics import METRICS
from adapter.evaluation.ranks import averages, goals, mean_ranks


def values(good: float) -> dict[str, float]:
    """A measurement where everything is as good as `good`."""
    return {name: good if metric.higher else 10 - good for name, metric in METRICS.items()}


def test_the_best_everywhere_is_first_and_cost_does_not_count() -> None:
    results = {row: {"a": values(good), "b": values(good)} for row, good in {"x": 3, "y": 2, "z": 1}.items()}
    results["x"]["a"]["seconds"] = 1e9
    ranks = mean_ranks(results, ["x", "y", "z"], ["a", "b"])
    assert [ranks[row]["mean"] for row in "xyz"] == [1, 2, 3]
    assert set(ranks["x"]) == {"fidelity", "diversity", "cross-domain", "multi-view", "mean"}


def test_groups_weigh_the_same_whatever_the_number_of_their_metrics() -> None:
    faithful, timid = values(1), values(2)
    for name, metric in METRICS.items():
        if metric.group == "fidelity":
            faithful[name], timid[name] = timid[name], faithful[name]
    ranks = mean_ranks({"f": {"a": faithful}, "t": {"a": timid}}, ["f", "t"], ["a"])
    assert ranks["f"]["mean"] == pytest.approx((1 + 2 + 2 + 2) / 4)


def test_ties_share_and_missing_numbers_do_not_rank() -> None:
    results = {row: {"a": values(1)} for row in "xyz"}
    results["z"]["a"]["depth_drift"] = None
    results["z"]["a"]["reprojection"] = 0
    ranks = mean_ranks(results, list("xyz"), ["a"])
    assert ranks["x"]["diversity"] == 2
    assert ranks["z"]["multi-view"] == 1
    assert ranks["x"]["multi-view"] == pytest.approx((2.5 + 1.5) / 2)


def test_goals_take_the_median_and_the_worst() -> None:
    def cell(kid: float, diversity: float, identity: float, error: float) -> dict[str, float]:
        return {"kid": kid, "diversity": diversity, "identity": identity, "reprojection": error}

    results = {
        "source": {d: cell(10, 1, 1, 0.02) for d in "abc"},
        "x": {"a": cell(1, 0.9, 1, 0.02), "b": cell(2, 0.8, 0.95, 0.03), "c": cell(9, 1, 1, 0.01)},
    }
    found = goals(results, "x", "abc")
    assert found == {key: pytest.approx(value) for key, value in
                     {"kid_fall": 0.8, "diversity": 0.8, "identity": 0.95, "reprojection": 1.5}.items()}  # fmt: skip


def test_averages_leave_missing_numbers_out() -> None:
    results = {"x": {"a": {"kid": 1.0, "silhouette": None}, "b": {"kid": 3.0, "silhouette": 0.5}}}
    means = averages(results, "x", "ab")
    assert (means["kid"], means["silhouette"], means["edges"]) == (2.0, 0.5, None)

"""Ranks of many methods over many domains, and the numbers that the project's goals are stated in."""

from collections.abc import Mapping, Sequence
from statistics import mean, median

from adapter.evaluation.metrics import GROUPS, METRICS, Values

Results = Mapping[str, Mapping[str, Values]]
"""Measurements by row (a method, "source" ...) and domain."""

SMALLEST_ERROR = 1e-6
"""Lower bound of the source's reprojection error, so that an empty base does not divide by zero."""


def mean_ranks(results: Results, rows: Sequence[str], domains: Sequence[str]) -> dict[str, dict[str, float]]:
    """Ranks by row: of each group, and under "mean" their mean over all groups; 1 is best.

    Within a domain, rows are ranked by each metric that they have (ties share the mean rank). Ranks are averaged within
    a group, then over domains. All groups have the same weight.

    Args:
        rows: the rows to rank.
        domains: each is measured for all of these rows.
    """
    ranks: dict[str, dict[str, list[float]]] = {row: {group: [] for group in GROUPS} for row in rows}
    for domain in domains:
        ranked: dict[str, dict[str, list[float]]] = {row: {group: [] for group in GROUPS} for row in rows}
        for name, metric in METRICS.items():
            values = {row: results[row][domain].get(name) for row in rows}
            known = {row: value if metric.higher else -value for row, value in values.items() if value is not None}
            if metric.group in GROUPS:
                for row, rank in _ranks(known).items():
                    ranked[row][metric.group].append(rank)
        for row in rows:
            for group in GROUPS:
                ranks[row][group] += [mean(ranked[row][group])] if ranked[row][group] else []
    found = {row: {group: mean(all_) for group, all_ in groups.items() if all_} for row, groups in ranks.items()}
    return {row: {**groups, "mean": mean(groups.values())} for row, groups in found.items() if groups}


def goals(results: Results, row: str, domains: Sequence[str], source: str = "source") -> dict[str, float]:
    """The numbers of the project's goals, over domains.

    Returns:
        "kid_fall": median share by which KID falls against the source; the smallest "diversity" and "identity"; the
        largest "reprojection" as a multiple of the source's.
    """
    rows = [(_known(results[row][domain]), _known(results[source][domain])) for domain in domains]
    return {
        "kid_fall": median(1 - target["kid"] / start["kid"] for target, start in rows),
        "diversity": min(target["diversity"] for target, _ in rows),
        "identity": min(target["identity"] for target, _ in rows),
        "reprojection": max(
            target["reprojection"] / max(start["reprojection"], SMALLEST_ERROR) for target, start in rows
        ),
    }


def averages(results: Results, row: str, domains: Sequence[str]) -> Values:
    """Mean of each metric over domains; None where no domain has it."""
    return mean_known([results[row][domain] for domain in domains])


def mean_known(measurements: Sequence[Values]) -> Values:
    """Mean of each metric over the measurements that have it; None where none has."""
    found = {name: [values.get(name) for values in measurements] for name in METRICS}
    known = {name: [value for value in values if value is not None] for name, values in found.items()}
    return {name: mean(values) if values else None for name, values in known.items()}


def _known(values: Values) -> dict[str, float]:
    return {name: value for name, value in values.items() if value is not None}


def _ranks(values: Mapping[str, float]) -> dict[str, float]:
    """Rank of each, the highest value first; equal ones share the mean of their places."""
    return {
        row: 1
        + sum(other > value for other in values.values())
        + (sum(other == value for other in values.values()) - 1) / 2
        for row, value in values.items()
    }

"""From the measurements of many methods on many domains to one order, and to the project's goals."""

from collections.abc import Mapping, Sequence
from statistics import mean, median

from adapter.evaluation.metrics import GROUPS, METRICS, Values

Results = Mapping[str, Mapping[str, Values]]
"""Measurements by row (a method, "source" ...) and domain."""

SMALLEST_ERROR = 1e-6
"""Of the source's reprojection, so that a base that shows nothing solid gives a number too."""


def mean_ranks(results: Results, rows: Sequence[str], domains: Sequence[str]) -> dict[str, dict[str, float]]:
    """Ranks by row: of each group, and under "mean" their mean over all groups; 1 is best.

    Within a domain, rows are ranked by each metric that they have (ties share the mean rank), ranks are averaged within
    a group, then over domains. Every group weighs the same.

    Args:
        rows: the rows that compete.
        domains: those that all rows have been measured on.
    """
    ranks: dict[str, dict[str, list[float]]] = {row: {group: [] for group in GROUPS} for row in rows}
    for domain in domains:
        here: dict[str, dict[str, list[float]]] = {row: {group: [] for group in GROUPS} for row in rows}
        for name, metric in METRICS.items():
            values = {row: results[row][domain].get(name) for row in rows}
            known = {row: value if metric.higher else -value for row, value in values.items() if value is not None}
            if metric.group in GROUPS:
                for row, rank in _ranks(known).items():
                    here[row][metric.group].append(rank)
        for row in rows:
            for group in GROUPS:
                ranks[row][group] += [mean(here[row][group])] if here[row][group] else []
    found = {row: {group: mean(all_) for group, all_ in groups.items() if all_} for row, groups in ranks.items()}
    return {row: {**groups, "mean": mean(groups.values())} for row, groups in found.items() if groups}


def goals(results: Results, row: str, domains: Sequence[str], source: str = "source") -> dict[str, float]:
    """What the project asks of a method, over domains.

    Returns:
        "kid_fall": median share by which KID falls against the source; the smallest "diversity" and "identity"; the
        largest "reprojection" as a multiple of the source's.
    """
    target, start = results[row], results[source]
    return {
        "kid_fall": median(1 - target[domain]["kid"] / start[domain]["kid"] for domain in domains),
        "diversity": min(target[domain]["diversity"] for domain in domains),
        "identity": min(target[domain]["identity"] for domain in domains),
        "reprojection": max(target[d]["reprojection"] / max(start[d]["reprojection"], SMALLEST_ERROR) for d in domains),
    }


def averages(results: Results, row: str, domains: Sequence[str]) -> Values:
    """Mean of each metric over domains; None where no domain has it."""
    found = {name: [results[row][domain].get(name) for domain in domains] for name in METRICS}
    known = {name: [value for value in values if value is not None] for name, values in found.items()}
    return {name: mean(values) if values else None for name, values in known.items()}


def _ranks(values: Mapping[str, float]) -> dict[str, float]:
    """Rank of each, the highest value first; equal ones share the mean of their places."""
    return {
        row: 1
        + sum(other > value for other in values.values())
        + (sum(other == value for other in values.values()) - 1) / 2
        for row, value in values.items()
    }

"""Repeated evaluations: mean and spread over seeds, and the metrics that an ablation misses by more than the spread."""

from collections.abc import Mapping, Sequence

from adapter.evaluation.metrics import COST, METRICS, RIM, Values
from adapter.evaluation.ranks import Results, averages, mean_known


def mean_over_seeds(results: Mapping[int, Results]) -> Results:
    """Measurements by row and domain: each the mean over seeds, None where no seed has it."""
    first = next(iter(results.values()))
    return {
        row: {domain: mean_known([one[row][domain] for one in results.values()]) for domain in domains}
        for row, domains in first.items()
    }


def spread(results: Mapping[int, Results], row: str, domains: Sequence[str]) -> Values:
    """Spread of each metric's mean over domains: the largest seed's minus the smallest; None where it is unknown."""
    means = [averages(one, row, domains) for one in results.values()]
    found: Values = {}
    for name in METRICS:
        values = [value for value in (one[name] for one in means) if value is not None]
        found[name] = max(values) - min(values) if values else None
    return found


def missed_metrics(results: Mapping[int, Results], row: str, reference: str, domains: Sequence[str]) -> list[str]:
    """Metrics in which a row is worse than a reference row by more than the seeds' spread.

    The means over domains and seeds are compared; the spread is the larger one of the two rows. Costs do not count.
    """
    mean = mean_over_seeds(results)
    own, other = averages(mean, row, domains), averages(mean, reference, domains)
    spreads = [spread(results, name, domains) for name in (row, reference)]
    missed = []
    for name, metric in METRICS.items():
        a, b = own[name], other[name]
        if metric.group in (COST, RIM) or a is None or b is None:
            continue
        if (b - a if metric.higher else a - b) > max(one[name] or 0.0 for one in spreads):
            missed.append(name)
    return missed

"""Writes the results of an evaluation: numbers, a table, a figure."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from adapter.evaluation.domains import HELD_OUT
from adapter.evaluation.figure import compose, read_strip
from adapter.evaluation.metrics import METRICS
from adapter.evaluation.ranks import Results, averages, goals, mean_ranks
from adapter.evaluation.runner import BASELINES, ORACLE, SOURCE, TRUTH, Cell, EvalContext, MethodEntry
from adapter.evaluation.seeds import mean_over_seeds, missed_metrics, spread
from adapter.evaluation.tables import Row, caption, markdown
from adapter.media.grids import save_png
from adapter.utils.atomic import replacing
from adapter.utils.storage import write_json

TITLES = {SOURCE: "*source*", TRUTH: "*truth*", ORACLE: "*oracle*"}
RESULTS_FILE, TABLE_FILE, FIGURE_FILE = "results.json", "table.md", "figure.png"


def write_report(
    context: EvalContext, by_seed: Mapping[int, Results], entries: Sequence[MethodEntry], domains: Sequence[str]
) -> str:
    """Write `RESULTS_FILE`, `TABLE_FILE` and `FIGURE_FILE` into the evaluation's folder.

    Args:
        by_seed: results of `run_evaluation`; of several seeds, the table has means and spreads, and compares every
            method with the first one.
        entries, domains: as given to `run_evaluation`.

    Returns:
        The table with its caption, as Markdown.
    """
    shown = tuple(domain for domain in domains if domain in HELD_OUT) or tuple(domains)
    results = mean_over_seeds(by_seed)
    # One preset of each method is ranked, so that no method has several votes.
    ranked = {entry.method.name: entry.name for entry in reversed(entries) if entry.method.takes_image}
    ranks = mean_ranks(results, list(ranked.values()), shown)
    reached = {entry.name: goals(results, entry.name, shown) for entry in entries}
    best_first = sorted(entries, key=lambda entry: ranks.get(entry.name, {}).get("mean", np.inf))
    titles = TITLES | {entry.name: entry.title for entry in best_first}
    rows = []
    for name, title in titles.items():
        row = Row(title, averages(results, name, shown), ranks.get(name, {}).get("mean"))
        if name in reached:
            row.kid_fall = reached[name]["kid_fall"]
        if len(by_seed) > 1 and name in reached:
            row.spread = spread(by_seed, name, shown)
            row.missed = missed_metrics(by_seed, name, entries[0].name, shown) if name != entries[0].name else None
        rows.append(row)
    styles, people = len(context.classifier.styles), context.truth.people
    described = caption(context.config, styles, context.perceptual, shown, len(by_seed), people)
    text = f"{markdown(rows)}\n\n{described}"
    document = {
        "identity": {**context.identity, "seeds": list(by_seed)},
        "domains": list(domains),
        "ranked over": list(shown),
        "values": {row: dict(results[row]) for row in results},
        "by seed": {str(seed): {row: dict(one[row]) for row in one} for seed, one in by_seed.items()},
        "means": {row: averages(results, row, shown) for row in results},
        "ranks": ranks,
        "goals": reached,
        "metrics": {name: {"group": m.group, "higher is better": m.higher} for name, m in METRICS.items()},
    }
    write_json(context.out / RESULTS_FILE, document)
    with replacing(context.out / TABLE_FILE) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
    save_png(context.out / FIGURE_FILE, figure(context, best_first, domains))
    return text


def figure(context: EvalContext, entries: Sequence[MethodEntry], domains: Sequence[str]) -> np.ndarray:
    """Reference, source, truth, oracle and each method with the first seed, for the same identities of each domain."""

    def pictures(row: str | MethodEntry) -> dict[str, np.ndarray]:
        seed = None if isinstance(row, str) else context.seeds[0]
        return {d: read_strip(Cell(row, d, seed).path(context.out).with_suffix(".png")) for d in domains}

    references = {d: read_strip(Cell(SOURCE, d).path(context.out).with_name("reference.png")) for d in domains}
    rows = {"reference": references}
    rows |= {row: pictures(row) for row in BASELINES} | {entry.title: pictures(entry) for entry in entries}
    return compose(rows, domains)


def copy_figure(out: Path, path: Path) -> None:
    """Write the figure as a JPEG to another place, for a document."""
    with Image.open(out / FIGURE_FILE) as picture, replacing(path) as temporary:
        picture.convert("RGB").save(temporary, format="JPEG", quality=88)

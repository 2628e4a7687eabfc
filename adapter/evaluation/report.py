"""Writes what an evaluation found: numbers, a table, a figure."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from adapter.evaluation.domains import HELD_OUT
from adapter.evaluation.figure import compose, read_strip
from adapter.evaluation.metrics import METRICS
from adapter.evaluation.ranks import Results, averages, goals, mean_ranks
from adapter.evaluation.runner import BASELINES, ORACLE, SOURCE, TRUTH, EvalContext, MethodEntry, cell_path, pictures
from adapter.evaluation.tables import CAPTION, markdown
from adapter.media.grids import save_png
from adapter.utils.atomic import replacing
from adapter.utils.storage import write_json

TITLES = {SOURCE: "*source*", TRUTH: "*truth*", ORACLE: "*oracle*"}
RESULTS_FILE, TABLE_FILE, FIGURE_FILE = "results.json", "table.md", "figure.png"


def write_report(
    tools: EvalContext, results: Results, contestants: Sequence[MethodEntry], domains: Sequence[str]
) -> str:
    """Write `RESULTS_FILE`, `TABLE_FILE` and `FIGURE_FILE` into the evaluation's folder.

    Args:
        results: what `contest` found.
        contestants, domains: what it was asked.

    Returns:
        The table with its caption, as Markdown.
    """
    shown = tuple(domain for domain in domains if domain in HELD_OUT) or tuple(domains)
    # One preset of each method competes, so that no method outvotes the others.
    rivals = {one.method.name: one.name for one in reversed(contestants) if one.method.takes_image}
    ranks = mean_ranks(results, list(rivals.values()), shown)
    reached = {one.name: goals(results, one.name, shown) for one in contestants}
    best_first = sorted(contestants, key=lambda one: ranks.get(one.name, {}).get("mean", np.inf))
    titles = TITLES | {one.name: one.title for one in best_first}
    caption = CAPTION.format(
        pairs=tools.plan.pairs,
        front=min(tools.plan.front, tools.plan.pairs),
        turned=tools.plan.turned,
        styles=len(tools.judge.styles),
        perceptual=_perception(tools.perceptual),
        held_out=", ".join(shown) if set(shown) <= set(HELD_OUT) else "none was measured: all shown domains count",
    )
    text = f"{markdown(results, titles, shown, ranks, reached)}\n\n{' '.join(caption.split())}"
    write_json(
        tools.out / RESULTS_FILE,
        {
            "identity": tools.identity,
            "domains": list(domains),
            "ranked over": list(shown),
            "values": {row: dict(results[row]) for row in results},
            "means": {row: averages(results, row, shown) for row in results},
            "ranks": ranks,
            "goals": reached,
            "metrics": {name: {"group": m.group, "higher is better": m.higher} for name, m in METRICS.items()},
        },
    )
    with replacing(tools.out / TABLE_FILE) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
    save_png(tools.out / FIGURE_FILE, figure(tools.out, best_first, domains))
    return text


def figure(out: Path, contestants: Sequence[MethodEntry], domains: Sequence[str]) -> np.ndarray:
    """Reference, source, truth, oracle and each method, for the same heads of every domain."""
    some_row = BASELINES[0]
    references = {domain: read_strip(cell_path(out, domain, some_row).with_name("reference.png")) for domain in domains}
    rows = {"reference": references}
    for name, label in (*((row, row) for row in BASELINES), *((one.name, one.title) for one in contestants)):
        rows[label] = {domain: pictures(out, domain, name) for domain in domains}
    return compose(rows, domains)


def copy_figure(out: Path, path: Path) -> None:
    """The figure as a JPEG at another place, for a document."""
    with Image.open(out / FIGURE_FILE) as picture, replacing(path) as temporary:
        picture.convert("RGB").save(temporary, format="JPEG", quality=88)


def _perception(name: str) -> str:
    form = "the judge's stage maps in LPIPS' form, all channels alike" if name == "judge" else name
    return f"by {form}"

"""The tables of an evaluation as Markdown, and their place in a document."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from adapter.errors import UserError
from adapter.evaluation.metrics import METRICS, Metric, Values
from adapter.evaluation.ranks import Results, averages
from adapter.utils.atomic import replacing

BEGIN, END = "<!-- evaluation:begin -->", "<!-- evaluation:end -->"
"""Markers around what `write_table` replaces; each stands on a line of its own."""

CAPTION = """Each target picture is compared with the true picture of the same head from the same camera in the style.
{pairs} heads a domain, one reference picture of another head. KID and FID: on standardised features of the judge
(EfficientNet-Lite1, used by no loss), KID without the terms of one head with itself; FID of so few pictures is for
comparing rows only. Likeness: cosine of the judge's features to the reference. Named: share in which the judge names
the style among {styles}. Perceptual: distance to the truth; diversity: mean distance of two targets over that of
their sources, {front} heads from the front; both {perceptual}. Attributes: balanced share of sex, age, hair colour,
glasses and beard read back by the judge. Edges: overlap of Sobel edges with the source's. Silhouette: IoU of opacity
with the source's. Identity: share of {front} front views whose source is the most alike among {pairs}, by the judge's
fourth stage, place by place. Reprojection: mean absolute difference, in [0, 2], of the front view carried to ±10 and
±20 degrees through its own depth (the truth's through the true one), {turned} heads. Depth drift: world units.
Source: the untouched base. Truth: the true pictures. Oracle: the true style over the base's own pictures, the best
that keeps the base's blur. A method that paints single frames has no shape, no domain and no training to measure.
Rank: mean over fidelity, diversity, cross-domain and multi-view consistency, over held-out domains ({held_out}), one
preset of each method; whoever changes nothing keeps everything, so a good rank needs a look at KID, too. KID falls:
against the source, the median over domains. A from-scratch single-image GAN (ConSinGAN) has no row: it learns one
picture at one pose, has neither latents nor cameras in common with the base, and so no target belongs to a source:
all paired numbers are undefined."""


def markdown(
    results: Results,
    titles: Mapping[str, str],
    domains: Sequence[str],
    ranks: Mapping[str, Mapping[str, float]],
    reached: Mapping[str, Mapping[str, float]],
) -> str:
    """One row for each of the titles: its rank where it has one, and its means over domains.

    Args:
        results: measurements by row and domain.
        titles: what to call each row, in the order to show.
        domains: to average over.
        ranks: of `mean_ranks`, and ``reached``, of `goals`, by row; rows without do not compete.
    """
    arrows = {True: "↑", False: "↓"}
    heads = ["", "rank ↓", "KID falls ↑", *(f"{metric.title} {arrows[metric.higher]}" for metric in METRICS.values())]
    lines = ["| " + " | ".join(heads) + " |", "| --- |" + " ---: |" * (len(heads) - 1)]
    for row, title in titles.items():
        means = averages(results, row, domains)
        rank = f"{ranks[row]['mean']:.2f}" if row in ranks else "–"
        falls = f"{100 * reached[row]['kid_fall']:.0f} %" if row in reached else "–"
        cells = [title, rank, falls, *(_shown(means, name, metric) for name, metric in METRICS.items())]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def write_table(document: str | Path, text: str) -> None:
    """Put a table into a document, such as README.md, in place of what stands between `BEGIN` and `END`.

    Everything else stays as it is, byte for byte; writing the same text twice changes nothing.

    Raises:
        UserError: the document cannot be read, or lacks the markers, once each and in order.
    """
    document = Path(document)
    try:
        with document.open(encoding="utf-8", newline="") as file:
            before = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{document.name} cannot be read. Check the name and try again.") from error
    if before.count(BEGIN) != 1 or before.count(END) != 1 or before.index(BEGIN) > before.index(END):
        raise UserError(f"{document.name} has no place for the table. Put {BEGIN} and {END} into it, a line each.")
    head, rest = before.split(BEGIN)
    tail = rest.split(END)[1]
    with replacing(document) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        file.write(f"{head}{BEGIN}\n\n{text.strip()}\n\n{END}{tail}")


def _shown(values: Values, name: str, metric: Metric) -> str:
    value = values[name]
    # "z" writes what rounds to nothing without a sign.
    return "–" if value is None else f"{value:z.{metric.digits}f}"

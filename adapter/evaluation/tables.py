"""The tables of an evaluation as Markdown, and their place in a document."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from adapter.errors import UserError
from adapter.evaluation.domains import HELD_OUT
from adapter.evaluation.eval_set import EvalConfig
from adapter.evaluation.metrics import METRICS, Values
from adapter.utils.atomic import replacing

BEGIN, END = "<!-- evaluation:begin -->", "<!-- evaluation:end -->"
"""Markers around what `write_table` replaces; each stands on a line of its own."""

CAPTION = """Each target picture is compared with the true picture of the same head from the same camera in the style.
{pairs} heads a domain, one reference picture of another head. KID and FID: on standardised features of the classifier
(EfficientNet-Lite1, used by no loss), KID without the terms of one head with itself; FID of so few pictures is for
comparing rows only. Likeness: cosine of the classifier's features to the reference. Named: share of pictures in which
the classifier predicts the right one of {styles} styles. Perceptual: distance to the truth; diversity: mean distance of
two targets over that of their sources, {front} heads from the front; both {perceptual}. Attributes: balanced accuracy
of sex, age, hair colour, glasses and beard as the classifier predicts them. Edges: overlap of Sobel edges with the
source's. Silhouette: IoU of opacity with the source's. Identity: share of {front} front views whose source is the most
similar among {pairs}, by the classifier's fourth stage, place by place. Reprojection: mean absolute difference, in
[0, 2], of the front view warped to ±10 and ±20 degrees through its own depth (the truth's through the true one),
{turned} heads. Depth drift: world units. Source: the untouched base. Truth: the true pictures. Oracle: the true style
over the base's own pictures, the best that keeps the base's blur. A method that paints single frames has no shape, no
domain and no training to measure. Rank: mean over fidelity, diversity, cross-domain and multi-view consistency, over
held-out domains ({held_out}), one preset of each method. The untouched base would keep everything, so read the rank
together with KID. KID falls: against the source, the median over domains. A from-scratch single-image GAN (ConSinGAN)
has no row: it learns one picture at one pose and shares neither latents nor cameras with the base, so paired numbers
are undefined."""
CAPTION_PEOPLE = """Landmarks: mean distance of the face meshes of source and target, in face widths, where both show.
Rim: mean difference in color between the band around the silhouette and the background beyond it; it is not ranked."""
CAPTION_SEEDS = """Means over {seeds} seeds; in parentheses their spread, the largest minus the smallest. Missed:
metrics, costs left out, in which the row is worse than the first method by more than the larger spread of the two."""


@dataclass
class Row:
    """A row of the table; what is None shows as a dash.

    Args:
        title: to show.
        means: of each metric over domains.
        rank: mean rank.
        kid_fall: median share by which KID falls against the source.
        spread: of each metric over seeds.
        missed: metrics in which the row is worse than the first method by more than the spread.
    """

    title: str
    means: Values
    rank: float | None = None
    kid_fall: float | None = None
    spread: Values | None = None
    missed: Sequence[str] | None = None


def markdown(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table; what no row has is no column, what they miss is one if there are seeds."""
    arrows = {True: "↑", False: "↓"}
    names = [name for name in METRICS if any(row.means[name] is not None for row in rows)]
    titles = [f"{METRICS[name].title} {arrows[METRICS[name].higher]}" for name in names]
    heads = ["", "rank ↓", "KID falls ↑", *titles]
    several = any(row.spread for row in rows)
    lines = [
        "| " + " | ".join([*heads, "missed"] if several else heads) + " |",
        "| --- |" + " ---: |" * (len(heads) - 1) + (" --- |" if several else ""),
    ]
    for row in rows:
        rank = "–" if row.rank is None else f"{row.rank:.2f}"
        falls = "–" if row.kid_fall is None else f"{100 * row.kid_fall:.0f} %"
        cells = [row.title, rank, falls, *(_number(row, name) for name in names)]
        if several:
            missed = None if row.missed is None else ", ".join(METRICS[name].title for name in row.missed) or "none"
            cells.append(missed or "–")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def caption(
    config: EvalConfig, styles: int, perceptual: str, domains: Sequence[str], seeds: int = 1, people: bool = False
) -> str:
    """The definitions of a table's columns.

    Args:
        config: of the evaluation.
        styles: number of styles that the classifier distinguishes.
        perceptual: model of perceptual distances, "classifier" or another name.
        domains: that the table averages over.
        seeds: number of seeds.
        people: whether the base's own renders are the truth's shape, and show faces.
    """
    own = "the classifier's stage maps in LPIPS' form, all channels alike"
    text = CAPTION.format(
        pairs=config.pairs,
        front=min(config.front, config.pairs),
        turned=config.turned,
        styles=styles,
        perceptual=f"by {own if perceptual == 'classifier' else perceptual}",
        held_out=", ".join(domains) if set(domains) <= set(HELD_OUT) else "none was measured: all shown domains count",
    )
    more = (CAPTION_PEOPLE if people else "", CAPTION_SEEDS.format(seeds=seeds) if seeds > 1 else "")
    return " ".join(" ".join((text, *more)).split())


def read_document(document: str | Path) -> tuple[str, str]:
    """What stands before `BEGIN` and after `END` in a document.

    Raises:
        UserError: the document cannot be read, or does not have both markers once and in order.
    """
    document = Path(document)
    try:
        with document.open(encoding="utf-8", newline="") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{document.name} cannot be read. Check the name and try again.") from error
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise UserError(f"{document.name} has no place for the table. Put {BEGIN} and {END} into it, a line each.")
    return text.split(BEGIN)[0], text.split(END)[1]


def write_table(document: str | Path, text: str) -> None:
    """Put a table into a document, such as README.md, in place of what stands between `BEGIN` and `END`.

    Everything else stays as it is, byte for byte; writing the same text twice changes nothing.

    Raises:
        UserError: as `read_document`.
    """
    head, tail = read_document(document)
    with replacing(document) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        file.write(f"{head}{BEGIN}\n\n{text.strip()}\n\n{END}{tail}")


def _number(row: Row, name: str) -> str:
    digits = METRICS[name].digits
    value = row.means[name]
    if value is None:
        return "–"
    # "z" writes what rounds to zero without a sign.
    text = f"{value:z.{digits}f}"
    return text if row.spread is None or row.spread[name] is None else f"{text} ({row.spread[name]:z.{digits}f})"

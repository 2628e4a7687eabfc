"""Zero-shot text: the share of renders in which the classifier names the style of a prompt."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from adapter.adaptation import text_guidance
from adapter.adaptation.domain import fingerprint_images
from adapter.encoders.text import TextEncoder
from adapter.errors import UserError
from adapter.evaluation.eval_set import EvalSet
from adapter.evaluation.figure import strip
from adapter.evaluation.renderers import domain_renderer, render_all
from adapter.evaluation.runner import (
    FIGURE_IDENTITIES,
    EvalContext,
    EvalProgress,
    MethodEntry,
    adapt_domain,
    finished_cell,
    read_cell,
    slug,
    to_json,
)
from adapter.media.grids import save_png
from adapter.utils.storage import write_json

PROMPTS = 20
"""Default number of styles, evenly spread over all of them."""
TextResults = dict[str, dict[str, dict]]
"""Per method and style: "prompt", "named" (share in [0, 1] in which the classifier names the style among all that it
distinguishes) and "instead" (the other style that it names most often, or None)."""


@dataclass(frozen=True)
class PromptCell:
    """A method on the prompt of a style, with the picture [1, 3, S, S] that guides beside the words, if any."""

    entry: MethodEntry
    style: str
    prompt: str
    picture: Tensor | None

    def path(self, out: Path) -> Path:
        """The file of the measurement."""
        return out / "text" / slug(self.style) / f"{slug(self.entry.name)}.json"

    def identity(self, context: EvalContext) -> object:
        """Everything that the numbers depend on, as JSON returns it."""
        picture = None if self.picture is None else fingerprint_images(self.picture)
        own = {"prompt": self.prompt, "picture": picture, "method": self.entry.method.to_dict()}
        return to_json({**context.identity, "seed": context.seeds[0], **own})


def spread_styles(styles: Sequence[str], count: int = PROMPTS) -> tuple[str, ...]:
    """``count`` of the styles, evenly spread over their order; all where there are fewer."""
    count = min(count, len(styles))
    return tuple(styles[index * len(styles) // count] for index in range(count))


def evaluate_prompts(
    context: EvalContext,
    texts: Sequence[TextEncoder],
    entries: Sequence[MethodEntry],
    styles: Sequence[str],
    album: Callable[[str], Tensor | None] = lambda prompt: None,
) -> Iterator[EvalProgress | TextResults]:
    """Adapt to the plainest prompt of each style; styles that are measured already are kept.

    Args:
        context: of the evaluation; its first seed is used.
        texts: the text towers of the encoders.
        entries: methods that take text.
        styles: to evaluate.
        album: returns the picture [1, 3, S, S] in [-1, 1] that guides beside a prompt; None where words guide alone.

    Yields:
        Progress; at last the results.

    Raises:
        UserError: a method that takes no text, or that failed.
    """
    for entry in entries:
        if not entry.method.takes_text or entry.method.per_frame:
            name = entry.method.name
            raise UserError(f"{name} cannot be guided by text alone. Choose a method that can, such as 3d-adapter.")
    prompts = {style: context.truth.prompt(style) for style in styles}
    pictures = {style: album(prompt) for style, prompt in prompts.items()}
    cells = [PromptCell(entry, style, prompts[style], pictures[style]) for style in styles for entry in entries]
    results: TextResults = {}
    for done, cell in enumerate(cells):
        for text in _run(context, texts, cell):
            yield EvalProgress(done, len(cells), f"{cell.prompt!r}, {cell.entry.name}: {text}")
        values = finished_cell(cell.path(context.out), cell.identity(context))
        results.setdefault(cell.entry.name, {})[cell.style] = values
    yield EvalProgress(len(cells), len(cells), "measured")
    yield results


def text_markdown(results: TextResults) -> str:
    """A row for each prompt, a column for each method, the mean at the end."""
    names = list(results)
    lines = ["| prompt | " + " | ".join(names) + " |", "| --- |" + " ---: |" * len(names)]
    for style, first in results[names[0]].items():
        lines.append(f"| {first['prompt']} | " + " | ".join(_share(results[name][style]) for name in names) + " |")
    means = [sum(cell["named"] for cell in results[name].values()) / len(results[name]) for name in names]
    lines.append("| **mean** | " + " | ".join(f"**{value:.2f}**" for value in means) + " |")
    return "\n".join(lines)


def _run(context: EvalContext, texts: Sequence[TextEncoder], cell: PromptCell) -> Iterator[str]:
    """Measure a cell and write its file, unless that is done already."""
    path, identity = cell.path(context.out), cell.identity(context)
    if read_cell(path, identity) is not None:
        return
    guidance = text_guidance(texts, cell.prompt, references=cell.picture)
    domain = yield from adapt_domain(context, cell.entry.method, guidance, context.seeds[0])
    eval_set = EvalSet.draw(context.generator, context.truth, context.config)
    renderer = domain_renderer(context.generator, domain.apply(context.generator, checked=True))
    images = render_all(renderer, eval_set).pairs.image
    names = context.classifier.predict(context.classifier.features(images).pooled, "style")
    others = Counter(name for name in names if name != cell.style).most_common(1)
    named, instead = names.count(cell.style) / len(names), others[0][0] if others else None
    save_png(path.with_suffix(".png"), strip(images[:FIGURE_IDENTITIES]))
    write_json(path, {"identity": identity, "values": {"prompt": cell.prompt, "named": named, "instead": instead}})


def _share(cell: dict) -> str:
    other = f" ({cell['instead']})" if cell["instead"] and cell["named"] < 0.5 else ""
    return f"{cell['named']:.2f}{other}"

"""Zero-shot text: does the judge name the style that was asked for in words?"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from torch import Tensor

from adapter.adaptation import text_guidance
from adapter.adaptation.domain import fingerprint_images
from adapter.encoders.text import TextEncoder
from adapter.errors import UserError
from adapter.evaluation.figure import strip
from adapter.evaluation.renderers import EvalSet, domain_renderer, render_all
from adapter.evaluation.runner import SHOWN, EvalContext, MethodEntry, Progress, adapted_domain, plain, read_cell, slug
from adapter.media.grids import save_png
from adapter.methods import Method
from adapter.utils.storage import write_json

PROMPTS = 20
"""Styles asked for unless others are named: every so many of all styles, in their order."""


def asked_styles(styles: Sequence[str], count: int = PROMPTS) -> tuple[str, ...]:
    """``count`` of the styles, evenly spread over their order; all where there are fewer."""
    count = min(count, len(styles))
    return tuple(styles[index * len(styles) // count] for index in range(count))


def ask(
    tools: EvalContext,
    texts: Sequence[TextEncoder],
    contestants: Sequence[MethodEntry],
    styles: Sequence[str],
    album: Callable[[str], Tensor | None] = lambda prompt: None,
) -> Iterator[Progress | dict[str, dict[str, dict]]]:
    """Adapt to the plainest wording of each style; styles that are measured already are kept.

    Args:
        tools: as for `adapter.evaluation.runner.contest`.
        texts: the text towers that belong to the encoders.
        contestants: methods that take text.
        styles: to ask for.
        album: gives the picture [1, 3, S, S] in [-1, 1] that leads beside a prompt; None where words lead alone.

    Yields:
        Progress; at last, by contestant and style, "prompt", "named" (share of renders in [0, 1] in which the judge
        names the style among all that it knows) and "instead" (what it named most often otherwise, or None).

    Raises:
        UserError: a method that cannot be led by text, or that failed.
    """
    for contestant in contestants:
        _check(contestant.method)
    cells = [(contestant, style) for style in styles for contestant in contestants]
    found: dict[str, dict[str, dict]] = {}
    cast: EvalSet | None = None
    for done, (contestant, style) in enumerate(cells):
        path = tools.out / "text" / slug(style) / f"{slug(contestant.name)}.json"
        prompt = tools.truth.prompt(style)
        picture = album(prompt)
        beside = None if picture is None else fingerprint_images(picture)
        identity = plain({**tools.identity, "prompt": prompt, "picture": beside, "method": contestant.method.to_dict()})
        values = read_cell(path, identity)
        if values is None:
            cast = cast or EvalSet.draw(tools.generator, tools.truth, tools.plan)
            for step in adapted_domain(tools, contestant.method, text_guidance(texts, prompt, references=picture)):
                if isinstance(step, str):
                    yield Progress(done, len(cells), f"{prompt!r}, {contestant.name}: {step}")
                else:
                    painter = domain_renderer(tools.generator, step.apply(tools.generator, checked=True))
            *_, shots = render_all(painter, cast)
            names = tools.judge.answer(tools.judge.look(shots.pairs.image).features, "style")
            others = Counter(name for name in names if name != style).most_common(1)
            values = {
                "prompt": prompt,
                "named": names.count(style) / len(names),
                "instead": others[0][0] if others else None,
            }
            save_png(path.with_suffix(".png"), strip(shots.pairs.image[:SHOWN]))
            write_json(path, {"identity": identity, "values": values})
        found.setdefault(contestant.name, {})[style] = values
    yield Progress(len(cells), len(cells), "measured")
    yield found


def text_markdown(found: dict[str, dict[str, dict]]) -> str:
    """A row for each prompt, a column for each method, the mean at the end."""
    names = list(found)
    lines = ["| prompt | " + " | ".join(names) + " |", "| --- |" + " ---: |" * len(names)]
    for style in found[names[0]]:
        cells = [_shown(found[name][style]) for name in names]
        lines.append(f"| {found[names[0]][style]['prompt']} | " + " | ".join(cells) + " |")
    means = [sum(cell["named"] for cell in found[name].values()) / len(found[name]) for name in names]
    lines.append("| **mean** | " + " | ".join(f"**{value:.2f}**" for value in means) + " |")
    return "\n".join(lines)


def _shown(cell: dict) -> str:
    missed = f" ({cell['instead']})" if cell["instead"] and cell["named"] < 0.5 else ""
    return f"{cell['named']:.2f}{missed}"


def _check(method: Method) -> None:
    if not method.takes_text or method.per_frame:
        raise UserError(f"{method.name} cannot be led by a text alone. Choose a method that can, such as 3d-adapter.")

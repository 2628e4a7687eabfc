import pytest
import torch

from adapter.errors import UserError
from adapter.evaluation import runner as module
from adapter.evaluation import text_prompts
from adapter.evaluation.runner import MethodEntry, Progress
from adapter.evaluation.text_prompts import ask, asked_styles, text_markdown


def test_styles_are_spread_evenly():
    assert asked_styles("abcdefghij", 5) == tuple("acegi")
    assert asked_styles("abc", 20) == tuple("abc")
    many = asked_styles([str(n) for n in range(77)])
    assert len(set(many)) == 20


def test_the_share_is_what_the_judge_says_and_cells_are_kept(tools, contestants, monkeypatch):
    wanted = []

    def guidance(texts, prompt, references):
        wanted.append(prompt)
        return module.Guidance(torch.zeros(1, 3, 16, 16))

    monkeypatch.setattr(text_prompts, "text_guidance", guidance)
    monkeypatch.setattr(tools.judge, "answer", lambda features, question: ["orc"] * 7 + ["bronze"] * 3)
    *progress, found = ask(tools, [], contestants[:1], ("orc", "bronze"))
    assert all(isinstance(step, Progress) for step in progress)
    assert found["3d-adapter"]["orc"] == {"prompt": "a kind of orc", "named": 0.7, "instead": "bronze"}
    assert found["3d-adapter"]["bronze"]["named"] == pytest.approx(0.3)
    assert wanted == ["a kind of orc", "a kind of bronze"]
    *_, again = ask(tools, [], contestants[:1], ("orc", "bronze"))
    assert again == found
    assert len(wanted) == 2
    table = text_markdown(found)
    assert "| a kind of bronze | 0.30 (orc) |" in table
    assert table.endswith("| **mean** | **0.50** |")


def test_methods_without_text_are_refused(tools, contestants):
    with pytest.raises(UserError, match="stylize cannot be led by a text"):
        next(ask(tools, [], contestants, ("orc",)))
    method = contestants[0].method.with_weights({"text_directional": 0.0})
    with pytest.raises(UserError, match="cannot be led by a text"):
        next(ask(tools, [], [MethodEntry("x", "X", method)], ("orc",)))

import pytest
import torch

from adapter.errors import UserError
from adapter.evaluation import runner as module
from adapter.evaluation import text_prompts
from adapter.evaluation.runner import EvalProgress, MethodEntry
from adapter.evaluation.text_prompts import evaluate_prompts, spread_styles, text_markdown


def test_styles_are_spread_evenly():
    assert spread_styles("abcdefghij", 5) == tuple("acegi")
    assert spread_styles("abc", 20) == tuple("abc")
    many = spread_styles([str(n) for n in range(77)])
    assert len(set(many)) == 20


def test_the_share_is_the_classifiers_and_cells_are_kept(eval_context, entries, monkeypatch):
    wanted = []

    def guidance(texts, prompt, references):
        wanted.append(prompt)
        return module.Guidance(torch.zeros(1, 3, 16, 16))

    monkeypatch.setattr(text_prompts, "text_guidance", guidance)
    monkeypatch.setattr(eval_context.classifier, "predict", lambda features, question: ["orc"] * 7 + ["bronze"] * 3)
    *progress, found = evaluate_prompts(eval_context, [], entries[:1], ("orc", "bronze"))
    assert all(isinstance(step, EvalProgress) for step in progress)
    assert found["3d-adapter"]["orc"] == {"prompt": "a kind of orc", "named": 0.7, "instead": "bronze"}
    assert found["3d-adapter"]["bronze"]["named"] == pytest.approx(0.3)
    assert wanted == ["a kind of orc", "a kind of bronze"]
    *_, again = evaluate_prompts(eval_context, [], entries[:1], ("orc", "bronze"))
    assert again == found
    assert len(wanted) == 2
    table = text_markdown(found)
    assert "| a kind of bronze | 0.30 (orc) |" in table
    assert table.endswith("| **mean** | **0.50** |")


def test_methods_without_text_are_refused(eval_context, entries):
    with pytest.raises(UserError, match="stylize cannot be guided by text"):
        next(evaluate_prompts(eval_context, [], entries, ("orc",)))
    method = entries[0].method.with_weights({"text_directional": 0.0})
    with pytest.raises(UserError, match="cannot be guided by text"):
        next(evaluate_prompts(eval_context, [], [MethodEntry("x", "X", method)], ("orc",)))

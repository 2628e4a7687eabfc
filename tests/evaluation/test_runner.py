"""The protocol from end to end, on a tiny base."""

import dataclasses

import pytest
import torch

from adapter.adaptation import FAILED, Event
from adapter.errors import UserError
from adapter.evaluation import runner as runner
from adapter.evaluation.eval_set import EvalConfig, EvalSet
from adapter.evaluation.metrics import METRICS
from adapter.evaluation.renderers import oracle_renderer, render_all, source_renderer
from adapter.evaluation.report import write_report
from adapter.evaluation.runner import Cell, EvalProgress, MethodEntry, run_evaluation, slug

DOMAINS = ("orc", "charcoal")


def finished(steps):
    """The results of the only seed."""
    *progress, results = steps
    assert all(isinstance(step, EvalProgress) for step in progress)
    (found,) = results.values()
    return found


@pytest.fixture
def counted(monkeypatch):
    """Counts adaptations."""
    calls = []
    real = runner.adapt

    def adapt(*args, **values):
        calls.append(args[3].name)
        return real(*args, **values)

    monkeypatch.setattr(runner, "adapt", adapt)
    return calls


def test_every_row_is_measured_and_known_answers_hold(eval_context, entries):
    results = finished(run_evaluation(eval_context, entries, ("orc",)))
    assert set(results) == {"source", "truth", "oracle", "3d-adapter", "stylize"}
    source, truth = results["source"]["orc"], results["truth"]["orc"]
    assert source["diversity"] == pytest.approx(1)
    assert source["edges"] == pytest.approx(1, abs=1e-4)
    assert source["identity"] == 1
    assert source["silhouette"] == 1
    assert source["depth_drift"] == 0
    assert truth["kid"] == pytest.approx(0, abs=1e-6)
    assert truth["fid"] == pytest.approx(0, abs=1e-4)
    assert truth["psnr"] == pytest.approx(100)
    assert truth["perceptual"] == pytest.approx(0, abs=1e-6)
    assert truth["reprojection"] > 0
    assert truth["silhouette"] is None
    adapted, painted = results["3d-adapter"]["orc"], results["stylize"]["orc"]
    assert set(adapted) == set(METRICS) - {"landmarks", "rim"}, "nobody is seen on this base"
    assert adapted["seconds"] > 0
    assert (
        adapted["file_kb"]
        == Cell(entries[0], "orc", 0).path(eval_context.out).with_suffix(".safetensors").stat().st_size / 1e3
    )
    assert painted["silhouette"] is None
    assert painted["depth_drift"] is None
    assert painted["reprojection"] > 0
    assert adapted["depth_drift"] >= 0


def test_an_interrupted_evaluation_goes_on_and_gives_the_same(eval_context, entries, counted, tmp_path):
    steps = run_evaluation(eval_context, entries, DOMAINS)
    for step in steps:
        if step.done == 5:  # orc is done
            break
    steps.close()
    assert not Cell("source", "charcoal").path(eval_context.out).exists()
    before = {path: path.stat().st_mtime_ns for path in eval_context.out.rglob("*.json")}
    assert len(before) == 5
    resumed = finished(run_evaluation(eval_context, entries, DOMAINS))
    assert counted == ["3d-adapter", "3d-adapter"]
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())

    elsewhere = dataclasses.replace(eval_context, out=tmp_path / "other")
    whole = finished(run_evaluation(elsewhere, entries, DOMAINS))
    cost = {"seconds", "peak_mb"}
    for row, domains in whole.items():
        for domain, values in domains.items():
            assert {k: v for k, v in values.items() if k not in cost} == {
                k: v for k, v in resumed[row][domain].items() if k not in cost
            }


def test_a_finished_evaluation_asks_for_nothing(eval_context, entries, counted):
    finished(run_evaluation(eval_context, entries, ("orc",)))
    eval_context.truth.calls = 0
    counted.clear()
    finished(run_evaluation(eval_context, entries, ("orc",)))
    assert not counted
    assert eval_context.truth.calls == 0


def test_other_settings_are_measured_anew(eval_context, entries, counted):
    finished(run_evaluation(eval_context, entries[:1], ("orc",)))
    method = entries[0].method.with_weights({"colour_distribution": 1.0})
    finished(run_evaluation(eval_context, [MethodEntry("3d-adapter", "3D-Adapter", method)], ("orc",)))
    assert len(counted) == 2
    finished(run_evaluation(dataclasses.replace(eval_context, seeds=(1,)), entries[:1], ("orc",)))
    assert len(counted) == 3


def test_a_damaged_cell_is_measured_anew(eval_context, entries, counted):
    finished(run_evaluation(eval_context, entries[:1], ("orc",)))
    Cell(entries[0], "orc", 0).path(eval_context.out).write_text("{", encoding="utf-8")
    finished(run_evaluation(eval_context, entries[:1], ("orc",)))
    assert len(counted) == 2


def test_a_method_that_fails_is_said_and_leaves_no_cell(eval_context, entries, monkeypatch):
    monkeypatch.setattr(runner, "adapt", lambda *a, **k: iter([Event(FAILED, 3, 9, message="The loss exploded.")]))
    with pytest.raises(UserError, match=r"3d-adapter failed\. The loss exploded\."):
        finished(run_evaluation(eval_context, entries[:1], ("orc",)))
    assert not Cell(entries[0], "orc", 0).path(eval_context.out).exists()
    assert Cell("source", "orc").path(eval_context.out).exists()


def test_the_report_names_everyone_and_shows_the_same_heads(eval_context, entries, stored):
    results = finished(run_evaluation(eval_context, entries, DOMAINS))
    text = write_report(eval_context, {0: results}, entries, DOMAINS)
    for part in ("3D-Adapter", "2D style transfer", "*source*", "ConSinGAN", "10 heads a domain", "held-out"):
        assert part in text
    assert (eval_context.out / "table.md").read_text(encoding="utf-8").strip() == text.strip()
    kept = stored(eval_context.out / "results.json")
    assert kept["ranked over"] == list(DOMAINS)
    assert set(kept["ranks"]) == {"3d-adapter", "stylize"}
    assert set(kept["goals"]["3d-adapter"]) == {"kid_fall", "diversity", "identity", "reprojection"}
    assert (eval_context.out / "figure.png").stat().st_size > 1000


def test_every_identity_is_rendered_by_every_camera(generator, eval_context):
    eval_set = EvalSet.draw(generator, eval_context.truth, EvalConfig(pairs=19, front=9, turned=3))
    renders = render_all(source_renderer(generator), eval_set)
    assert renders.pairs.image.shape[0] == 19
    assert renders.front.image.shape[0] == 9
    assert [len(shot.image) for shot in renders.turned] == [3] * 4
    all_fronts = render_all(source_renderer(generator), eval_set, all_fronts=True)
    assert all_fronts.front.image.shape[0] == 19
    assert torch.allclose(all_fronts.front.image[:9], renders.front.image, atol=1e-5)
    alone = generator.synthesis(eval_set.ws[17:18], eval_set.cameras[17:18]).image.clamp(-1, 1)
    assert torch.allclose(renders.pairs.image[17:18], alone, atol=1e-4)


def test_the_oracle_styles_the_bases_own_pictures(generator, eval_context):
    eval_set = EvalSet.draw(generator, eval_context.truth, EvalConfig(pairs=2, front=1, turned=1))
    source = source_renderer(generator)
    renders = render_all(oracle_renderer(source, eval_context.truth, "orc"), eval_set)
    plain = render_all(source, eval_set)
    expected = eval_context.truth.images("orc", eval_set.latents, eval_set.cameras, plain.pairs.image)
    assert torch.allclose(renders.pairs.image, expected, atol=1e-5)
    assert not renders.pairs.own_shape


def test_names_become_paths():
    assert slug("3d-adapter:no-moments") == "3d-adapter-no-moments"
    assert slug("X-ray / Thermal camera") == "x-ray-thermal-camera"

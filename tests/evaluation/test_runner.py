"""The protocol from end to end, on a tiny base."""

import dataclasses

import pytest
import torch

from adapter.adaptation import FAILED, Event
from adapter.errors import UserError
from adapter.evaluation import runner as module
from adapter.evaluation.metrics import METRICS
from adapter.evaluation.renderers import EvalSet, Plan, oracle_renderer, render_all, source_renderer
from adapter.evaluation.report import write_report
from adapter.evaluation.runner import MethodEntry, Progress, cell_path, contest, slug

DOMAINS = ("orc", "charcoal")


def finished(steps):
    *progress, found = steps
    assert all(isinstance(step, Progress) for step in progress)
    return found


@pytest.fixture
def counted(monkeypatch):
    """Counts adaptations."""
    calls = []
    real = module.adapt

    def adapt(*args, **values):
        calls.append(args[3].name)
        return real(*args, **values)

    monkeypatch.setattr(module, "adapt", adapt)
    return calls


def test_every_row_is_measured_and_known_answers_hold(tools, contestants):
    results = finished(contest(tools, contestants, ("orc",)))
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
    assert set(adapted) == set(METRICS)
    assert adapted["seconds"] > 0
    assert (
        adapted["file_kb"] == cell_path(tools.out, "orc", "3d-adapter").with_suffix(".safetensors").stat().st_size / 1e3
    )
    assert painted["silhouette"] is None
    assert painted["depth_drift"] is None
    assert painted["reprojection"] > 0
    assert adapted["depth_drift"] >= 0


def test_an_interrupted_evaluation_goes_on_and_gives_the_same(tools, contestants, counted, tmp_path):
    steps = contest(tools, contestants, DOMAINS)
    for step in steps:
        if step.done == 5:  # orc is done
            break
    steps.close()
    assert not cell_path(tools.out, "charcoal", "source").exists()
    before = {path: path.stat().st_mtime_ns for path in tools.out.rglob("*.json")}
    assert len(before) == 5
    resumed = finished(contest(tools, contestants, DOMAINS))
    assert counted == ["3d-adapter", "3d-adapter"]
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())

    elsewhere = dataclasses.replace(tools, out=tmp_path / "other")
    whole = finished(contest(elsewhere, contestants, DOMAINS))
    cost = {"seconds", "peak_mb"}
    for row, domains in whole.items():
        for domain, values in domains.items():
            assert {k: v for k, v in values.items() if k not in cost} == {
                k: v for k, v in resumed[row][domain].items() if k not in cost
            }


def test_a_finished_evaluation_asks_for_nothing(tools, contestants, counted):
    finished(contest(tools, contestants, ("orc",)))
    tools.truth.asked = 0
    counted.clear()
    finished(contest(tools, contestants, ("orc",)))
    assert not counted
    assert tools.truth.asked == 0


def test_other_settings_are_measured_anew(tools, contestants, counted):
    finished(contest(tools, contestants[:1], ("orc",)))
    method = contestants[0].method.with_weights({"colour_distribution": 1.0})
    finished(contest(tools, [MethodEntry("3d-adapter", "3D-Adapter", method)], ("orc",)))
    assert len(counted) == 2
    finished(contest(dataclasses.replace(tools, seed=1), contestants[:1], ("orc",)))
    assert len(counted) == 3


def test_a_damaged_cell_is_measured_anew(tools, contestants, counted):
    finished(contest(tools, contestants[:1], ("orc",)))
    cell_path(tools.out, "orc", "3d-adapter").write_text("{", encoding="utf-8")
    finished(contest(tools, contestants[:1], ("orc",)))
    assert len(counted) == 2


def test_a_method_that_fails_is_said_and_leaves_no_cell(tools, contestants, monkeypatch):
    monkeypatch.setattr(module, "adapt", lambda *a, **k: iter([Event(FAILED, 3, 9, message="The loss exploded.")]))
    with pytest.raises(UserError, match=r"3d-adapter failed\. The loss exploded\."):
        finished(contest(tools, contestants[:1], ("orc",)))
    assert not cell_path(tools.out, "orc", "3d-adapter").exists()
    assert cell_path(tools.out, "orc", "source").exists()


def test_the_report_names_everyone_and_shows_the_same_heads(tools, contestants, stored):
    results = finished(contest(tools, contestants, DOMAINS))
    text = write_report(tools, results, contestants, DOMAINS)
    for part in ("3D-Adapter", "2D style transfer", "*source*", "ConSinGAN", "10 heads a domain", "held-out"):
        assert part in text
    assert (tools.out / "table.md").read_text(encoding="utf-8").strip() == text.strip()
    kept = stored(tools.out / "results.json")
    assert kept["ranked over"] == list(DOMAINS)
    assert set(kept["ranks"]) == {"3d-adapter", "stylize"}
    assert set(kept["goals"]["3d-adapter"]) == {"kid_fall", "diversity", "identity", "reprojection"}
    assert (tools.out / "figure.png").stat().st_size > 1000


def test_everyone_is_painted_by_every_camera(generator, tools):
    cast = EvalSet.draw(generator, tools.truth, Plan(pairs=19, front=9, turned=3))
    *counts, shots = render_all(source_renderer(generator), cast)
    assert counts == [8, 16, 19]
    assert shots.pairs.image.shape[0] == 19
    assert shots.front.image.shape[0] == 9
    assert [len(shot.image) for shot in shots.turned] == [3] * 4
    *_, everyone = render_all(source_renderer(generator), cast, everyone=True)
    assert everyone.front.image.shape[0] == 19
    assert torch.allclose(everyone.front.image[:9], shots.front.image, atol=1e-5)
    alone = generator.synthesis(cast.ws[17:18], cast.cameras[17:18]).image.clamp(-1, 1)
    assert torch.allclose(shots.pairs.image[17:18], alone, atol=1e-4)


def test_the_oracle_sees_the_bases_own_pictures(generator, tools):
    cast = EvalSet.draw(generator, tools.truth, Plan(pairs=2, front=1, turned=1))
    source = source_renderer(generator)
    *_, shots = render_all(oracle_renderer(source, tools.truth, "orc"), cast)
    *_, plain = render_all(source, cast)
    expected = tools.truth.images("orc", cast.latents, cast.cameras, plain.pairs.image)
    assert torch.allclose(shots.pairs.image, expected, atol=1e-5)
    assert not shots.pairs.shaped


def test_names_become_paths():
    assert slug("3d-adapter:no-moments") == "3d-adapter-no-moments"
    assert slug("X-ray / Thermal camera") == "x-ray-thermal-camera"

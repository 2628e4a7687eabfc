"""A job writes what it promises, can be stopped at any time, and speaks in sentences."""

import errno
import itertools
import pickle
import shutil
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from adapter.adaptation.domain import Domain
from adapter.adaptation.trainer import StageTrainer
from adapter.eg3d import Eg3d
from adapter.errors import UserError
from adapter.methods.offers import page_presets
from adapter.service.cancellation import request_stop
from adapter.service.gpu import gpu_seconds
from adapter.service.jobs import adapt_job
from adapter.service.requests import DONE, LOADING, RENDERING, WRITING
from adapter.service.worker import adapt

FILES = {
    "orbit.mp4",
    "person-1.mp4",
    "person-2.mp4",
    "person-3.mp4",
    "grid.png",
    "before.png",
    "after.png",
    "domain.safetensors",
    "snapshots",
}


def names(folder: str) -> set[str]:
    return {path.name for path in Path(folder).iterdir()}


@pytest.fixture(scope="module")
def finished(make_request, tmp_path_factory: pytest.TempPathFactory):
    """A request and all updates of its job."""
    request = make_request(tmp_path_factory.mktemp("finished"), seed=5)
    return request, list(adapt_job(request))


def test_stages_and_steps_come_in_order(finished):
    updates = finished[1]
    stages = [stage for stage, _ in itertools.groupby(update.stage for update in updates)]
    assert stages == [LOADING, "Preparing", "Tri-D", "G2", "Finished", RENDERING, WRITING, DONE]
    assert [update.step for update in updates if update.stage in ("Tri-D", "G2")] == list(range(1, 9))
    assert all(0 <= update.fraction <= 1 for update in updates)
    assert all(update.seconds_left is None or update.seconds_left >= 0 for update in updates)
    assert all(update.result is None for update in updates[:-1])


def test_previews_come_every_few_steps_and_change(finished):
    previews = {update.step: update.preview for update in finished[1] if update.stage in ("Tri-D", "G2")}
    assert [step for step, preview in previews.items() if preview is not None] == [2, 4, 6, 8]
    assert previews[2].dtype == np.uint8
    assert previews[2].shape == previews[8].shape
    half = previews[2].shape[1] // 2
    assert np.array_equal(previews[2][:, :half], previews[8][:, :half]), "sources stay"
    assert not np.array_equal(previews[2][:, half:], previews[8][:, half:]), "targets move"


def test_the_files_are_what_they_should_be(finished):
    request, updates = finished
    result = updates[-1].result
    assert names(request.folder) == FILES
    assert (result.steps, result.settings["seed"], len(result.people)) == (8, 5, 3)
    for path in (result.orbit, *result.people):
        with av.open(path) as video:
            frames = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
        assert len(frames) == 72
        assert all(side % 2 == 0 for side in frames[0].shape[:2])
        assert np.abs(frames[0].astype(int) - frames[36]).mean() < 1, "the same front on the way out and back"
    for path in (result.before, result.after):
        with Image.open(path) as image:
            assert image.size == (512, 512)
    with Image.open(result.grid) as grid:
        assert grid.width > 6 * 48
        assert grid.height > 4 * 48
    domain = Domain.load(result.domain)
    assert domain.metadata.seed == 5
    domain.check(Eg3d.from_pretrained(request.base))


def test_everything_that_crosses_to_a_worker_can_be_pickled(finished):
    request, updates = finished
    assert pickle.loads(pickle.dumps(request)).preset == "tiny"
    assert pickle.loads(pickle.dumps(updates))[-1].result == updates[-1].result


def test_strength_zero_shows_the_source_twice(finished, request_for):
    result = list(adapt_job(request_for(strength=0.0, people=1)))[-1].result
    before, after = (np.asarray(Image.open(path)) for path in (result.before, result.after))
    assert np.array_equal(before, after)
    learned = finished[1][-1].result
    assert np.array_equal(before, np.asarray(Image.open(learned.before)))
    assert not np.array_equal(before, np.asarray(Image.open(learned.after)))


def test_stopping_keeps_what_was_learned(request_for):
    request = request_for()
    updates = []
    for update in adapt_job(request):
        updates.append(update)
        if update.stage == "Tri-D" and update.step == 3:
            request_stop(request.folder)
    result = updates[-1].result
    assert result.steps == 4
    assert "Stopped at step 4 of 8" in updates[-1].message
    assert names(request.folder) == FILES
    assert not any(update.stage == "G2" for update in updates)
    assert max(abs(value).max() for value in Domain.load(result.domain).weights.values()) > 0


def test_stopping_again_leaves_the_orbit_out(request_for):
    request = request_for()
    updates = []
    for update in adapt_job(request):
        updates.append(update)
        if update.stage == RENDERING and update.step == 2:
            request_stop(request.folder)
    assert updates[-1].result.orbit is None
    assert updates[-1].result.people == ()
    assert names(request.folder) == FILES - {name for name in FILES if name.endswith(".mp4")}


def test_stopping_before_anything_was_learned_is_said(request_for):
    request = request_for()
    updates = adapt_job(request)
    assert next(updates).stage == LOADING
    request_stop(request.folder)
    with pytest.raises(UserError, match="nothing to keep"):
        list(updates)
    assert names(request.folder) == set()


def test_a_stop_asked_while_the_job_waits_counts(request_for):
    request = request_for()
    request_stop(request.folder)
    with pytest.raises(UserError, match="nothing to keep"):
        list(adapt_job(request))


def test_closing_the_job_leaves_no_files(request_for):
    request = request_for()
    updates = adapt_job(request)
    for update in updates:
        if update.stage == "G2":
            break
    updates.close()
    assert names(request.folder) == set()


def test_an_interrupt_leaves_no_files(request_for, monkeypatch):
    request, steps = request_for(), itertools.count()
    genuine = StageTrainer.step

    def interrupted(self, step):
        if next(steps) == 5:
            raise KeyboardInterrupt
        return genuine(self, step)

    monkeypatch.setattr(StageTrainer, "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(adapt_job(request))
    assert next(steps) == 6
    assert names(request.folder) == set()


def test_a_job_whose_folder_is_gone_ends_without_bringing_it_back(request_for):
    request = request_for()
    updates = []
    for update in adapt_job(request):
        updates.append(update)
        if update.stage == "Tri-D" and update.step == 2:
            shutil.rmtree(request.folder)
    assert updates[-1].result is None
    assert not Path(request.folder).exists()


def test_the_same_request_gives_the_same_domain(finished, request_for):
    first = Domain.load(finished[1][-1].result.domain)
    second = Domain.load(list(adapt_job(request_for(seed=5, people=3)))[-1].result.domain)
    assert all(value.equal(second.weights[name]) for name, value in first.weights.items())


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"preset": "slow"}, "no preset named 'slow'"),
        ({"strength": float("nan")}, "strength"),
        ({"strength": 3.0}, "strength"),
        ({"seed": -1}, "seed"),
        ({"people": 0}, "people"),
        ({"encoder": "no-such-clip"}, "no-such-clip"),
    ],
)
def test_wrong_settings_are_refused_with_a_sentence(request_for, values, said):
    with pytest.raises(UserError, match=said) as caught:
        list(adapt_job(request_for(**values)))
    assert str(caught.value).endswith(".")


def test_a_base_that_is_not_there_is_said(request_for, tmp_path: Path):
    with pytest.raises(UserError, match=r"config\.json cannot be read"):
        list(adapt_job(request_for(base=str(tmp_path))))


def test_gpu_time_follows_the_steps(request_for):
    names = ("tiny", *page_presets("3d-adapter"))
    seconds = [gpu_seconds(request_for(preset=name), "progress", more=1) for name in names]
    assert all(isinstance(value, int) for value in seconds)
    assert gpu_seconds(request_for(preset="tiny")) < gpu_seconds(request_for(preset="quick"))
    assert gpu_seconds(request_for(preset="quick")) < gpu_seconds(request_for(preset="full")) <= 60


def test_stopping_between_two_previews_keeps_the_steps_before(request_for):
    request, updates = request_for(), []
    for update in adapt_job(request):
        updates.append(update)
        if update.stage == "Tri-D" and update.step == 1:
            request_stop(request.folder)
    assert updates[-1].result.steps == 2
    assert max(abs(value).max() for value in Domain.load(updates[-1].result.domain).weights.values()) > 0


def test_a_snapshot_that_cannot_be_written_does_not_end_the_run(request_for, monkeypatch: pytest.MonkeyPatch):
    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(adapt, "_write_snapshot", fail)
    result = list(adapt_job(request_for()))[-1].result
    assert (result.steps, result.snapshots) == (8, ())

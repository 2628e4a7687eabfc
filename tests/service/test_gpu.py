"""ZeroGPU's refusals become advice; everything else stays what it is."""

import logging
import re
from pathlib import Path

import numpy as np
import pytest

from adapter.errors import UserError
from adapter.methods import METHODS
from adapter.service import gpu
from adapter.service.gpu import advice, gpu_seconds, on_gpu
from adapter.service.requests import IMAGE, ORBIT, AdaptRequest, ExploreRequest, Update

PICTURE = np.zeros((32, 32, 3), np.uint8)
QUOTA = "You have exceeded your free ZeroGPU quota ({asked}s requested vs. {left}s left). Try again in 5:00:00. "


def test_a_spent_quota_says_how_many_steps_still_fit():
    request = AdaptRequest((PICTURE,), "out", preset="long")
    asked = gpu_seconds(request)
    said = advice(RuntimeError(QUOTA.format(asked=asked, left=asked // 2 + 5)), request)
    steps = int(said.split(" steps fit")[0].split()[-1])
    assert 10 <= steps < request.customized.steps / 2
    fewer = AdaptRequest((PICTURE,), "out", preset="long", steps=steps)
    assert gpu_seconds(fewer) <= asked // 2 + 5
    assert "Log in" in said


def test_next_to_nothing_left_promises_no_steps():
    request = AdaptRequest((PICTURE,), "out")
    said = advice(RuntimeError(QUOTA.format(asked=gpu_seconds(request), left=5)), request)
    assert "steps" not in said
    assert "5 s are left" in said
    assert "Log in" in advice(RuntimeError(QUOTA.format(asked=3, left=0)), ExploreRequest())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("The requested GPU duration (90s) is larger than the maximum allowed", "fewer steps"),
        ("Space app has reached its GPU limit. Try re-running outside of examples", "Log in"),
        ("You have exceeded your ZeroGPU runs limit. ", "Log in"),
        ("No GPU was available after 60s. Retry later", "Try again in a minute"),
        ("GPU task aborted", "Try again in a minute"),
    ],
)
def test_other_refusals_have_a_way_on_too(text, said):
    assert said in advice(RuntimeError(text), ExploreRequest())


def test_other_errors_are_not_dressed_up(monkeypatch: pytest.MonkeyPatch):
    assert advice(ValueError("shapes do not fit"), ExploreRequest()) is None

    def broken(request):
        raise ValueError("shapes do not fit")
        yield

    monkeypatch.setattr(gpu, "_explore", broken)
    with pytest.raises(ValueError, match="shapes"):
        next(on_gpu(ExploreRequest()))

    def refused(request):
        raise RuntimeError("No GPU was available after 60s.")
        yield

    monkeypatch.setattr(gpu, "_explore", refused)
    with pytest.raises(UserError, match="No GPU is free"):
        next(on_gpu(ExploreRequest()))


@pytest.mark.parametrize("preset", ["quick", "full"])
def test_a_preset_that_the_clip_cannot_read_is_refused_before_a_gpu_is_asked_for(preset: str):
    with pytest.raises(UserError, match="Choose from: draft, clip-vit"):
        AdaptRequest((PICTURE,), "out", preset=preset, encoder="ViT-B-32")
    for method in METHODS:
        assert gpu_seconds(AdaptRequest((PICTURE,), "out", method=method, encoder="ViT-B-32")) <= 60


def test_pictures_ask_for_less_than_videos():
    assert gpu_seconds(ExploreRequest(IMAGE)) < gpu_seconds(ExploreRequest(ORBIT)) <= 60


@pytest.mark.parametrize("error", [RuntimeError("shapes do not fit\nat all"), UserError("This file is damaged.")])
def test_a_failed_job_leaves_one_line_in_the_log(monkeypatch, caplog: pytest.LogCaptureFixture, error: Exception):
    def broken(request):
        raise error
        yield

    monkeypatch.setattr(gpu, "_adapt", broken)
    with caplog.at_level(logging.INFO, "adapter"), pytest.raises(type(error)):
        next(on_gpu(AdaptRequest((PICTURE,), str(Path("visitor") / "job-1234"))))
    (line,) = caplog.messages
    what = " ".join(str(error).split())
    assert re.fullmatch(rf"Job adapt job-1234 failed after \d+\.\d s: (RuntimeError: )?{re.escape(what)}", line)


def test_a_job_that_is_closed_has_not_failed(monkeypatch, caplog: pytest.LogCaptureFixture):
    def endless(request):
        while True:
            yield Update("Training")

    monkeypatch.setattr(gpu, "_explore", endless)
    updates = on_gpu(ExploreRequest())
    next(updates)
    updates.close()
    assert caplog.messages == []

"""ZeroGPU's refusals become advice; everything else stays what it is."""

import numpy as np
import pytest

from adapter.errors import UserError
from adapter.service import gpu
from adapter.service.gpu import advice, on_gpu
from adapter.service.requests import IMAGE, ORBIT, AdaptRequest, ExploreRequest

PICTURE = np.zeros((32, 32, 3), np.uint8)
QUOTA = "You have exceeded your free ZeroGPU quota ({asked}s requested vs. {left}s left). Try again in 5:00:00. "


def test_a_spent_quota_says_how_many_steps_still_fit():
    request = AdaptRequest((PICTURE,), "out", preset="long")
    asked = request.gpu_seconds
    said = advice(RuntimeError(QUOTA.format(asked=asked, left=asked // 2 + 5)), request)
    steps = int(said.split(" steps fit")[0].split()[-1])
    assert 10 <= steps < request.plan.steps / 2
    fewer = AdaptRequest((PICTURE,), "out", preset="long", steps=steps)
    assert fewer.gpu_seconds <= asked // 2 + 5
    assert "Log in" in said


def test_next_to_nothing_left_promises_no_steps():
    request = AdaptRequest((PICTURE,), "out")
    said = advice(RuntimeError(QUOTA.format(asked=request.gpu_seconds, left=5)), request)
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


def test_pictures_ask_for_less_than_videos():
    assert ExploreRequest(IMAGE).gpu_seconds < ExploreRequest(ORBIT).gpu_seconds <= 60

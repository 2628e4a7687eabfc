"""One set of limits for page, API and command line; each refusal is a sentence that names the way on."""

import re

import numpy as np
import pytest

from adapter.errors import UserError
from adapter.service import plans
from adapter.service.gpu import gpu_seconds
from adapter.service.limits import PROMPT_LETTERS, WORDS_LETTERS, duration
from adapter.service.plans import check_duration, check_plan
from adapter.service.prompts import check_prompt
from adapter.service.requests import AdaptRequest
from adapter.service.settings import Settings
from adapter.service.time_left import adaptation_seconds

PICTURE = np.zeros((8, 8, 3), np.uint8)
LONGEST = Settings().longest_job


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"seed": 99_999_999_999}, "seed of this job must be less than 2147483648"),
        ({"seed": -1}, "seed of this job must be greater"),
        ({"steps": 10_001}, "whole number from 2 to 10000"),
        ({"steps": -3}, "whole number from 2 to 10000"),
        ({"prompt": "x" * (PROMPT_LETTERS + 1)}, f"at most {PROMPT_LETTERS} letters, not {PROMPT_LETTERS + 1}"),
        ({"source": "x" * (WORDS_LETTERS + 1)}, f"at most {WORDS_LETTERS} letters"),
        ({"negative": "x" * 4000}, f"at most {WORDS_LETTERS} letters, not 4000"),
        ({"references": (PICTURE,) * 9}, "at most 8 items, not 9"),
        ({"strength": float("nan")}, "finite"),
        ({"people": 13}, "less than or equal to 12"),
    ],
)
def test_what_is_out_of_range_is_one_short_sentence(values, said):
    with pytest.raises(UserError, match=said) as caught:
        AdaptRequest(**{"references": (PICTURE,), "folder": "out", **values})
    assert len(str(caught.value)) < 160
    assert "\n" not in str(caught.value)


def test_a_job_that_takes_too_long_names_the_steps_that_fit():
    with pytest.raises(UserError, match="10000 steps take about 42 min, and a job may take 10 min") as caught:
        check_plan({"steps": 10_000}, "clip-heads", LONGEST)
    fitting = int(re.search(r"at most (\d+) steps", str(caught.value))[1])
    assert 0.99 * LONGEST < check_plan({"steps": fitting}, "clip-heads", LONGEST) <= LONGEST
    assert check_plan({"steps": 10_000}, "clip-heads") == adaptation_seconds("3d-adapter", "full", 10_000)


def test_a_method_that_never_fits_promises_no_steps():
    with pytest.raises(UserError, match="another method"):
        check_duration(AdaptRequest((PICTURE,), "", method="stylize", preset="quick"), longest=20.0)


def test_on_a_gpu_its_own_speed_counts(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(plans, "has_gpu", lambda: True)
    request = AdaptRequest((PICTURE,), "", steps=5000)
    assert check_plan({"steps": 5000}, "clip-heads", LONGEST) == gpu_seconds(request)
    with pytest.raises(UserError, match="at most") as caught:
        check_plan({"steps": 5000}, "clip-heads", 100.0)
    fitting = int(re.search(r"at most (\d+) steps", str(caught.value))[1])
    assert 90 < check_plan({"steps": fitting}, "clip-heads", 100.0) <= 100


def test_every_plan_of_the_page_fits():
    for method in ("3d-adapter", "difa", "nada", "dorm", "finetune", "stylize"):
        assert check_plan({"method": method}, "clip-heads", LONGEST) <= LONGEST


def test_a_plan_is_checked_before_its_picture_is_there():
    for plan, said in (
        ({"seed": 99_999_999_999}, "seed"),
        ({"method": "magic"}, "magic"),
        ({"weights": {"x": 1.0}}, "x"),
    ):
        with pytest.raises(UserError, match=said):
            check_plan(plan, "clip-heads")


def test_a_long_prompt_is_refused_before_any_model_is_loaded():
    with pytest.raises(UserError, match=f"at most {PROMPT_LETTERS} letters, not 4000"):
        check_prompt("x" * 4000, "no-such-clip")


def test_the_limit_is_a_setting():
    assert Settings.from_environment({"LONGEST_JOB_SECONDS": "1200"}).longest_job == 1200
    with pytest.raises(UserError, match="LONGEST_JOB_SECONDS"):
        Settings.from_environment({"LONGEST_JOB_SECONDS": "0"})


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.2, "1 s"), (59.6, "60 s"), (99, "99 s"), (130, "2 min"), (3600, "60 min")]
)
def test_durations_in_words(seconds, said):
    assert duration(seconds) == said

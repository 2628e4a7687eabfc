"""A GPU is given back before pictures and videos are encoded."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from adapter.errors import UserError
from adapter.service import gpu
from adapter.service.failures import DISK_FULL
from adapter.service.jobs import render_job
from adapter.service.requests import DONE, WRITING, AdaptResult, RenderRequest, Update

RESULT = AdaptResult("a", "grid.png", "b.png", "c.png", "orbit.mp4", ("person-1.mp4",), 0, {})


@dataclasses.dataclass
class Writer:
    """Stands for what was rendered."""

    happened: list[str]
    complete: bool = True
    error: Exception | None = None

    def write(self, folder: Path) -> bool:
        self.happened.append("written")
        if self.error:
            raise self.error
        return self.complete


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """All updates of a job whose worker yields a writer and a result."""

    def run(writer: Writer) -> list[Update]:
        def worker(request):
            yield Update(WRITING, preview=np.zeros((2, 2, 3), np.uint8), rendered=writer)
            yield Update(DONE, result=RESULT)
            writer.happened.append("given back")

        monkeypatch.setattr(gpu, "_adapt", worker)
        return list(render_job(RenderRequest("a", str(tmp_path))))

    return run


def test_the_worker_has_ended_before_anything_is_written(play):
    writer = Writer([])
    updates = play(writer)
    assert writer.happened == ["given back", "written"]
    assert [update.stage for update in updates] == [WRITING, DONE]
    assert updates[-1].result == RESULT
    assert all(update.rendered is None for update in updates)


def test_a_result_names_no_video_that_is_not_there(play):
    assert play(Writer([], complete=False))[-1].result == dataclasses.replace(RESULT, orbit=None, people=())


def test_a_full_disk_is_said(play):
    with pytest.raises(UserError, match="disk") as caught:
        play(Writer([], error=OSError(28, "No space left on device")))
    assert str(caught.value) == DISK_FULL

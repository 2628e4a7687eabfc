import json

import numpy as np
import pytest

from adapter.errors import UserError
from adapter.synthetic.heads import dataset
from adapter.synthetic.heads.attributes import sample_latent
from adapter.synthetic.heads.render import orbit_camera, render


class InProcess:
    """A pool that runs jobs at once, so that tests need no worker processes."""

    def __init__(self, *_, **__):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False

    def submit(self, function, *arguments):
        function(*arguments)
        return _Done(len(arguments[1]))


class _Done:
    def __init__(self, value):
        self.value = value

    def result(self):
        return self.value


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(dataset, "SHARD", 2)
    monkeypatch.setattr(dataset, "ProcessPoolExecutor", InProcess)
    monkeypatch.setattr(dataset, "as_completed", lambda jobs: jobs)


def write(folder, **changes):
    dataset.write(folder, **({"identities": 5, "views": 2, "size": 24, "seed": 3, "report": lambda _: None} | changes))


def test_arrays_hold_what_their_latents_and_cameras_say(tmp_path):
    write(tmp_path)
    arrays = {n: np.load(tmp_path / f"{n}.npy", mmap_mode="r") for n in dataset.ARRAYS}
    assert arrays["color"].shape == (5, 2, 24, 24, 3)
    assert arrays["color"].dtype == np.uint8
    assert arrays["depth"].dtype == np.float16
    image = render(arrays["latents"][4], arrays["cameras"][4], 24)
    np.testing.assert_array_equal((image.color * 255 + 0.5).astype(np.uint8), arrays["color"][4])
    np.testing.assert_array_equal(orbit_camera(*arrays["angles"][2, 1]), arrays["cameras"][2, 1])
    assert not (tmp_path / "shards").exists()


def test_a_stopped_run_goes_on_and_gives_the_same_set(tmp_path, monkeypatch):
    write(tmp_path / "whole")
    calls = []
    original = dataset._write_shard

    def stops(path, *arguments):
        calls.append(path)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(path, *arguments)

    monkeypatch.setattr(dataset, "_write_shard", stops)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "parts")
    write(tmp_path / "parts")
    assert len(calls) == 2 + 2  # the finished shard is not rendered again
    for name in dataset.ARRAYS:
        assert (tmp_path / "whole" / f"{name}.npy").read_bytes() == (tmp_path / "parts" / f"{name}.npy").read_bytes()


def test_other_settings_are_refused(tmp_path):
    write(tmp_path)
    with pytest.raises(UserError, match="other settings"):
        write(tmp_path, seed=4)
    assert json.loads((tmp_path / "dataset.json").read_text())["seed"] == 3


def test_seeds_give_different_people_and_even_views_spread(tmp_path):
    write(tmp_path / "a", even=True, views=3)
    write(tmp_path / "b", seed=4)
    angles = np.load(tmp_path / "a" / "angles.npy")
    np.testing.assert_allclose(angles[:, :, 0], [[-0.6, 0, 0.6]] * 5, atol=1e-6)
    a, b = (np.load(tmp_path / k / "latents.npy") for k in "ab")
    assert np.abs(a[:, None] - b[None]).max(-1).min() > 0.1


def test_training_views_start_near_the_front():
    rng = np.random.default_rng(0)
    angles = np.stack([dataset.training_angles(rng, 3) for _ in range(400)])
    assert angles[:, 0, 0].std() < 0.4
    assert angles[:, 1:, 0].std() > 0.45
    assert np.abs(angles[..., 0]).max() <= 0.87
    assert np.abs(angles[..., 1]).max() <= 0.35
    assert sample_latent(np.random.default_rng(0)).dtype == np.float32

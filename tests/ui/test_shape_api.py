"""The endpoints for meshes and walks, called by gradio_client from another process."""

import json
from pathlib import Path

import av
import pytest

from adapter.meshes.reading import load_mesh

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def client(server):
    from gradio_client import Client

    return Client(server.url, verbose=False)


def test_a_walk_streams_progress_and_ends_with_a_loop(client):
    job = client.submit(name="first-world", people=2, frames=3, api_name="/walk")
    *first, (progress, film) = list(job)
    assert progress["fraction"] == 1
    assert len(first) > 5
    with av.open(film["video"] if isinstance(film, dict) else film) as video:
        assert sum(1 for _ in video.decode(video=0)) == 6


def test_meshes_stream_progress_and_end_with_files(client, server):
    job = client.submit(name="first-world", resolution=32, faces=300, api_name="/mesh")
    *_, (progress, files) = list(job)
    assert progress["fraction"] == 1
    assert [Path(file).name for file in files] == ["source.glb", "target.glb", "source.ply", "target.ply"]
    assert all(len(load_mesh(file).faces) for file in files)


@pytest.mark.parametrize(
    ("endpoint", "arguments", "said"),
    [
        ("/mesh", {"resolution": 5}, "resolution"),
        ("/mesh", {"name": "nothing"}, "nothing"),
        ("/mesh", {"edits": "smile"}, "JSON"),
        ("/walk", {"people": 99}, "count"),
        ("/walk", {"edits": json.dumps({"smile": 99})}, "edits"),
    ],
)
def test_what_cannot_be_done_is_said(client, endpoint: str, arguments: dict, said: str):
    with pytest.raises(Exception, match=said):
        client.predict(api_name=endpoint, **arguments)

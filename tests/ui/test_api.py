"""The named endpoints, called by gradio_client from another process, with the example of the page."""

import base64
import io
import json
import time
from contextlib import redirect_stdout
from pathlib import Path

import av
import pytest
from PIL import Image

from adapter.adaptation.domain import Domain
from adapter.meshes.reading import load_mesh
from adapter.ui.tabs.about import CLIENT

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow
PATIENT = {"timeout": 300}
FILE = {"meta": {"_type": "gradio.FileData"}}


@pytest.fixture(scope="module")
def client(server):
    from gradio_client import Client

    return Client(server.url, verbose=False, httpx_kwargs=PATIENT)


@pytest.fixture(scope="module")
def ran(server, tmp_path_factory: pytest.TempPathFactory):
    """The example that is shown on the page, run as it is, but with few steps."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        example = CLIENT.replace("http://127.0.0.1:7860", server.url).replace('preset="draft"', "steps=4")
        assert example.count(server.url) == example.count("steps=4") == 1
        names: dict = {}
        with redirect_stdout(io.StringIO()) as said:
            exec(example, names)
    return names, said.getvalue()


def test_the_example_runs_and_streams_progress(ran):
    names, said = ran
    assert "Tri-D 1 of 4" in said
    assert "G2 4 of 4" in said
    assert names["progress"]["stage"] == "Done"
    assert names["progress"]["settings"]["steps"] == 4
    assert Domain.load(names["domain"]).metadata.method == "3d-adapter"
    with av.open(names["orbit"]["video"] if isinstance(names["orbit"], dict) else names["orbit"]) as video:
        assert sum(1 for _ in video.decode(video=0)) == 72
    with Image.open(names["view"]) as view:
        assert view.size == (1024, 512)


def test_a_domain_can_be_uploaded_and_used(client, ran):
    from gradio_client import handle_file

    about = client.predict(handle_file(ran[0]["domain"]), api_name="/upload_domain")
    assert about["base"] == "tiny"
    assert "3d-adapter" in about["note"]


def test_ready_domains_are_listed_and_rendered(client):
    listed = client.predict(api_name="/list_domains")
    assert [entry["name"] for entry in listed] == ["first-world", "second-world"]
    plain = client.predict(None, "", api_name="/render_image")
    named = client.predict(None, "first-world", api_name="/render_image")
    assert Path(plain).read_bytes() != Path(named).read_bytes()
    assert Path(named).read_bytes() == Path(client.predict(None, "first-world", api_name="/render_image")).read_bytes()
    *_, (progress, orbit) = client.submit(None, "second-world", api_name="/render_orbit")
    assert progress["fraction"] == 1
    assert Path(orbit["video"] if isinstance(orbit, dict) else orbit).stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "endpoint", "said"),
    [
        (("a golden retriever in a garden",), "/adapt_from_text", "does not understand"),
        (("",), "/adapt_from_text", "Choose a style image or write a prompt"),
        (("a bronze statue", "person", "", "3d-adapter", "nonsense"), "/adapt_from_text", "no preset named 'nonsense'"),
        (("a bronze statue", "person", "", "nonsense"), "/adapt_from_text", "no method named 'nonsense'"),
        ((None, "no-such-world"), "/render_image", "no domain called 'no-such-world'"),
        ((None, "", -4), "/render_image", "seed"),
        (("x" * 4000,), "/adapt_from_text", "at most 300 letters, not 4000"),
        (("a bronze statue", "person", "", "3d-adapter", "", 10_000), "/adapt_from_text", "Choose at most 23.. steps"),
        (
            ("a bronze statue", "person", "", "3d-adapter", "", 4, 99_999_999_999),
            "/adapt_from_text",
            "seed of this job",
        ),
        (({"path": "https://example.com/a.png", **FILE},), "/adapt_from_image", "fetches nothing from an address"),
        (("https://example.com/a.png",), "/adapt_from_image", "fetches nothing from an address"),
        (({"url": "data:image/png;base64,iVBORw0KGgo=", **FILE},), "/adapt_from_image", "not a picture"),
        ((None,), "/upload_domain", "Send a domain file"),
        ((None, "a person with curly hair"), "/edit_by_words", "reads styles"),
        ((None,), "/adapt_from_image", "Send a picture"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(client, arguments, endpoint, said):
    with pytest.raises(Exception, match=said):
        client.predict(*arguments, api_name=endpoint)


@pytest.mark.parametrize(
    ("endpoint", "sent", "said"),
    [
        ("adapt_from_image", {"path": "data:image/png;base64,iVBORw0KGgo=", **FILE}, "was not uploaded here"),
        ("adapt_from_image", {"path": "/etc/passwd", **FILE}, "was not uploaded here"),
        ("upload_domain", {"path": "/etc/passwd", **FILE}, "was not uploaded here"),
        ("upload_domain", {"path": "https://example.com/a.safetensors", **FILE}, "fetches nothing from an address"),
        ("upload_domain", {"something": "else"}, "inputs cannot be used"),
        ("upload_domain", 5, "inputs cannot be used"),
    ],
)
def test_inputs_that_gradio_refuses_get_a_sentence_too(server, endpoint, sent, said):
    settings = ["3d-adapter", "", 2, 0, 1.0, 0.7] if endpoint == "adapt_from_image" else []
    answer = server.call(endpoint, sent, *settings)
    assert "event: error" in answer
    assert said in answer
    assert "/etc/passwd" not in answer


def test_a_refusal_comes_at_once_beside_a_running_job(server, client):
    from gradio_client import Client, handle_file

    other = Client(server.url, verbose=False, httpx_kwargs=PATIENT)
    picture = handle_file(ROOT / "examples" / "zombie.jpg")
    jobs = [other.submit(picture, steps=1200, api_name="/adapt_from_image") for _ in range(2)]
    films = [other.submit(None, "first-world", api_name="/render_orbit") for _ in range(3)]
    try:
        while not any(job.outputs() for job in jobs):
            time.sleep(0.1)
        for arguments, endpoint, said in (
            (("a golden retriever in a garden",), "/adapt_from_text", "does not understand"),
            ((None,), "/adapt_from_image", "Send a picture"),
            ((None, "no-such-world"), "/render_orbit", "no domain called"),
        ):
            with pytest.raises(Exception, match=said):
                client.predict(*arguments, api_name=endpoint)
        assert not all(job.done() for job in jobs), "the refusals waited for the jobs, or there was nothing to wait for"
    finally:
        for job in [*jobs, *films]:
            job.cancel()


def test_a_picture_may_come_as_a_data_url(client):
    picture = io.BytesIO()
    Image.new("RGB", (200, 200), (180, 60, 30)).save(picture, "PNG")
    url = "data:image/png;base64," + base64.b64encode(picture.getvalue()).decode()
    for sent in ({"url": url, **FILE}, url):
        progress, *files = client.predict(sent, steps=2, api_name="/adapt_from_image")
        assert progress["stage"] == "Done"
        assert all(files)


def test_files_that_are_no_domain_are_refused(client, tmp_path: Path):
    from gradio_client import handle_file

    bad = tmp_path / "domain.safetensors"
    bad.write_bytes(b"PK\x03\x04 a zip archive in disguise")
    with pytest.raises(Exception, match="zip archive"):
        client.predict(handle_file(bad), api_name="/upload_domain")
    assert client.predict(api_name="/list_domains"), "the app does not answer any more"


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
def test_what_cannot_be_done_with_shapes_is_said(client, endpoint: str, arguments: dict, said: str):
    with pytest.raises(Exception, match=said):
        client.predict(api_name=endpoint, **arguments)

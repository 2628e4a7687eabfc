"""Settings are read once, checked, and refused with a sentence that names the variable."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapter.errors import UserError
from adapter.hub.library import LIBRARY
from adapter.service.settings import Settings


def test_missing_and_blank_variables_leave_the_defaults():
    settings = Settings.from_environment({"BASE": " ", "GRADIO_SERVER_PORT": ""})
    assert settings == Settings()
    assert (settings.base, settings.encoder, settings.library) == ("faces", "clip-heads", LIBRARY)
    assert (settings.host, settings.port, settings.has_login) == ("127.0.0.1", 7860, False)


def test_variables_are_read(tmp_path: Path):
    library = tmp_path / "library.yaml"
    library.touch()
    settings = Settings.from_environment({"BASE": "tiny", "LIBRARY": str(library), "GRADIO_SERVER_PORT": "80"})
    assert (settings.base, settings.library, settings.port) == ("tiny", library, 80)
    assert settings.with_available_base({}) is settings, "a library of one's own names its base itself"


def test_a_space_is_reached_from_outside():
    settings = Settings.from_environment({"SPACE_ID": "me/space", "OAUTH_CLIENT_ID": "x"})
    assert (settings.host, settings.has_login) == ("0.0.0.0", True)
    assert not Settings.from_environment({"OAUTH_CLIENT_ID": "x"}).has_login


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GRADIO_SERVER_PORT", "many"),
        ("GRADIO_SERVER_PORT", "70000"),
        ("GRADIO_NUM_PORTS", "many"),
        ("GRADIO_NUM_PORTS", "0"),
        ("GRADIO_NODE_NUM_PORTS", "many"),
        ("GRADIO_DEBUG", "yes"),
        ("GRACE_SECONDS", "-1"),
        ("LIBRARY", "/nowhere"),
    ],
)
def test_impossible_values_are_one_sentence(variable: str, value: str):
    with pytest.raises(UserError, match=variable) as caught:
        Settings.from_environment({variable: value})
    assert value in str(caught.value)
    assert "\n" not in str(caught.value)


def test_settings_do_not_change():
    with pytest.raises(ValueError, match="frozen"):
        Settings().port = 1


def test_clouds_set_another_variable_and_reach_the_app_from_outside():
    settings = Settings.from_environment({"PORT": "8080", "GRADIO_SERVER_PORT": ""})
    assert (settings.host, settings.port) == ("0.0.0.0", 8080)
    settings = Settings.from_environment({"PORT": "8080", "GRADIO_SERVER_PORT": "9", "GRADIO_SERVER_NAME": "::"})
    assert (settings.host, settings.port) == ("[::]", 9)
    with pytest.raises(UserError, match="the variable PORT"):
        Settings.from_environment({"PORT": "tcp://10.0.0.1"})


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_the_next_free_port_is_taken_and_told(taken: int, capsys: pytest.CaptureFixture):
    settings = Settings.model_construct(**{**Settings().model_dump(), "port": taken})
    settings.__pydantic_fields_set__.clear()
    free = settings.with_free_port().port
    assert taken < free < taken + Settings().ports
    assert capsys.readouterr().out == f"The page is served on port {free}, because {taken} is taken.\n"


def test_as_many_ports_are_tried_as_the_variable_says(taken: int):
    settings = Settings.model_construct(**{**Settings().model_dump(), "port": taken, "ports": 1})
    settings.__pydantic_fields_set__.clear()
    with pytest.raises(UserError, match=f"Port {taken} is taken"):
        settings.with_free_port()
    assert Settings.from_environment({"GRADIO_NUM_PORTS": "3"}).ports == 3


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "0.0.0.0"])
def test_a_chosen_port_that_is_taken_is_refused(host: str, taken: int):
    with pytest.raises(UserError, match=f"Port {taken} is taken"):
        Settings(host=host, port=taken).with_free_port()
    assert Settings(host=host, port=0).with_free_port().port > 0


def test_addresses_of_others_are_refused():
    for host in ("192.0.2.1", "no such host"):
        with pytest.raises(UserError, match="Set GRADIO_SERVER_NAME"):
            Settings(host=host, port=0).with_free_port()

"""Settings are read once, checked, and refused with a sentence that names the variable."""

from pathlib import Path

import pytest

from adapter.errors import UserError
from adapter.hub.library import LIBRARY
from adapter.service.settings import Settings


def test_missing_and_blank_variables_leave_the_defaults():
    settings = Settings.from_environment({"BASE": " ", "GRADIO_SERVER_PORT": ""})
    assert settings == Settings()
    assert (settings.base, settings.encoder, settings.library) == ("heads", "clip-heads", LIBRARY)
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
    ("variable", "value"), [("GRADIO_SERVER_PORT", "many"), ("GRADIO_SERVER_PORT", "70000"), ("LIBRARY", "/nowhere")]
)
def test_impossible_values_are_one_sentence(variable: str, value: str):
    with pytest.raises(UserError, match=variable) as caught:
        Settings.from_environment({variable: value})
    assert value in str(caught.value)
    assert "\n" not in str(caught.value)


def test_settings_do_not_change():
    with pytest.raises(ValueError, match="frozen"):
        Settings().port = 1

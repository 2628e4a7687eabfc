"""The page knows which of Gradio's own copies of files belong to whom."""

from pathlib import Path

import pytest
from gradio.processing_utils import save_file_to_cache

from adapter.ui.uploads import copy_of, uploads_among


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    return (tmp_path / "uploads").resolve()


def test_the_copy_of_a_shown_file_is_found(uploads: Path, tmp_path: Path):
    file = tmp_path / "orbit (1).mp4"
    file.write_bytes(b"video")
    assert copy_of(file) == Path(save_file_to_cache(file, str(uploads)))


@pytest.fixture
def files(uploads: Path) -> tuple[Path, Path]:
    files = (uploads / "a" / "1.png", uploads / "b" / "2.png")
    for file in files:
        file.parent.mkdir(parents=True)
        file.touch()
    return files


def test_uploads_are_found_wherever_they_stand(files: tuple[Path, Path]):
    values = [str(files[0]), {"more": [str(files[1]), None, 3.0]}, "/etc/passwd", "words", "/" * 5000]
    assert uploads_among(values) == set(files)


def test_no_text_names_a_file_elsewhere(uploads: Path, files: tuple[Path, Path], tmp_path: Path):
    other = tmp_path / "other" / "file"
    other.parent.mkdir()
    other.touch()
    (uploads / "a" / "link").symlink_to(other)
    for text in (
        f"{uploads}/../other/file",
        f"{uploads}/a/../../other/file",
        f"{uploads}/a/link",
        f"{uploads}/a\0/1.png",
    ):
        assert uploads_among([text, [text]]) == set()

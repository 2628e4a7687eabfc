"""A network of a file serves threads at once, as two visitors may send pictures at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from adapter.media.face_mesh import FOLDER, find_faces
from adapter.media.images import load_image
from adapter.media.tflite import TfliteNetwork

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_last_layer_is_the_result_where_none_is_named() -> None:
    network = TfliteNetwork(FOLDER / "face_landmark.tflite")
    blob = cv2.dnn.blobFromImage(np.full((192, 192, 3), 128, np.uint8), 1 / 255, (192, 192))
    points, presence = network.run(blob, "conv2d_20", "conv2d_30")
    assert (points.size, presence.size) == (3 * 468, 1)
    (last,) = network.run(blob)
    np.testing.assert_allclose(last, points if last.size == points.size else presence, rtol=1e-4)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.tflite"):
        TfliteNetwork(tmp_path / "none.tflite")


def test_threads_get_the_faces_of_their_own_pictures() -> None:
    pictures = [np.asarray(load_image(EXAMPLES / f"{name}.jpg")) for name in ("astronaut", "mona-lisa", "toon")] * 4
    alone = [find_faces(picture)[0].points for picture in pictures[:3]] * 4
    with ThreadPoolExecutor(4) as pool:
        together = [faces[0].points for faces in pool.map(find_faces, pictures)]
    for one, same in zip(alone, together, strict=True):
        np.testing.assert_allclose(one, same, atol=0.01)  # pixels

"""Small pieces of HTML around portraits: pure functions of what they show."""

import base64
import html
import io

import cv2
import numpy as np
from PIL import Image

from adapter.media.alignment import Framing
from adapter.media.face_mesh import Face
from adapter.media.head_pose import template

EMPTY = """
<div class="empty">
  <div class="empty-tiles" aria-hidden="true"><i></i><i></i><i></i><i></i></div>
  <h2>You appear here</h2>
  <ol>
    <li><b>Bring a portrait</b>: a photo from the front, or one of your camera's.</li>
    <li><b>Press Reconstruct</b> and watch the person of the generator who looks like it being found.</li>
    <li><b>Go into any world</b>, turn your head, smile, grow older; take the video, the pictures and a small file.</li>
  </ol>
</div>
"""
_OUTLINES = (
    (10, 297, 284, 389, 454, 361, 397, 379, 400, 152, 176, 150, 172, 132, 234, 162, 54, 67),
    (33, 160, 158, 133, 153, 144),
    (263, 387, 385, 362, 380, 373),
    (61, 37, 0, 267, 291, 314, 17, 84),
)
"""Rings of the face mesh: the face's edge, the eyes, the lips."""


def found(picture: np.ndarray, said: str, framing: Framing | None = None) -> str:
    """The square of a portrait, with a sentence beside it.

    Args:
        picture: uint8 [S, S, 3].
        said: the sentence.
        framing: draws the outline of where a face stands, to move the square by hand.
    """
    shown = picture if framing is None else with_outline(picture, framing)
    return (
        f'<div class="crop portrait"><img src="{_jpeg(shown)}" alt="The square of your portrait that is used" '
        f'width="176" height="176"><p>{html.escape(said)}</p></div>'
    )


def progress_picture(picture: np.ndarray) -> str:
    """What a job starts from and what it has reached, beside each other: uint8 [H, W, 3]."""
    told = "The picture that it starts from, and the person so far"
    return f'<figure class="live"><img src="{_jpeg(picture)}" alt="{told}"><figcaption>{told}</figcaption></figure>'


def facts(distance: float, steps: int, words: str = "") -> str:
    """What is known about a reconstruction, or about an edit by words."""
    if words:
        return (
            f'<p class="hint">Changed by the words "{html.escape(words)}" in {steps} steps: LPIPS {distance:.2f} '
            "to the person before.</p>"
        )
    likeness = "close" if distance < 0.2 else "fair" if distance < 0.35 else "rough"
    return (
        f'<p class="hint">A {likeness} likeness: LPIPS {distance:.2f} after {steps} steps '
        "(0 is the portrait itself, 0.7 an unrelated picture).</p>"
    )


def with_outline(picture: np.ndarray, framing: Framing) -> np.ndarray:
    """A copy of a square picture with the outline of a face where the base has faces."""
    face = Face((template() * 100).astype(np.float32), 1.0, 1.0)
    square = framing.square(face)
    scale = len(picture) / square.side
    points = (face.points[:, :2] - [square.x, square.y]) * scale + len(picture) / 2
    drawn = picture.copy()
    for ring in _OUTLINES:
        line = np.round(points[list(ring)]).astype(np.int32)
        cv2.polylines(drawn, [line], True, (20, 16, 14), 3, cv2.LINE_AA)
        cv2.polylines(drawn, [line], True, (255, 236, 214), 1, cv2.LINE_AA)
    return drawn


def _jpeg(picture: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=90)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()

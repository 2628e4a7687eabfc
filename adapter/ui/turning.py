"""What the browser does while Explore's camera moves: it shows views that were rendered beforehand."""

import html as escaping
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from adapter.service.view_grid import COLUMNS, PITCH, ROWS, YAW
from adapter.ui import html

TURN = (
    """
(...now) => {
  const shown = document.querySelector('#view [data-who]'), views = document.querySelector('#views [data-key]');
  if (!shown) return;
  const who = now.slice(0, -3), pose = now.slice(-3), [yaw, pitch, zoom] = pose;
  const is = (text, values) => JSON.stringify(JSON.parse(text)) === JSON.stringify(values);
  const sheet = views?.querySelector('img'), scale = zoom / views?.dataset.zoom;
  // Never somebody else than the controls name; nor a rough view where the sharp picture is, or has more to show.
  const fits = sheet?.naturalWidth && views.dataset.key === shown.dataset.key && is(shown.dataset.who, who);
  if (!fits || is(shown.dataset.pose, pose) || scale < 1) {
    for (const canvas of shown.querySelectorAll('canvas')) canvas.remove();
    return;
  }
  const side = sheet.naturalWidth / COLUMNS;
  const place = (angle, most, count) => (Math.min(Math.max(angle / most, -1), 1) + 1) / 2 * (count - 1);
  const x = place(yaw, YAW, COLUMNS), y = place(pitch, PITCH, ROWS);
  const column = Math.min(Math.floor(x), COLUMNS - 2), row = Math.min(Math.floor(y), ROWS - 2);
  const fade = share => Math.min(Math.max((share - 0.35) / 0.3, 0), 1), across = fade(x - column), down = fade(y - row);
  [...shown.querySelectorAll('figure')].forEach((figure, target) => {
    let canvas = figure.querySelector('canvas');
    if (!canvas) {
      canvas = Object.assign(document.createElement('canvas'), {width: 2 * side, height: 2 * side});
      canvas.setAttribute('aria-hidden', 'true');
      figure.querySelector('img').after(canvas);
    }
    const context = canvas.getContext('2d'), size = canvas.width * scale, edge = (canvas.width - size) / 2;
    let sum = 0;
    for (const [dx, dy] of [[0, 0], [1, 0], [0, 1], [1, 1]]) {
      const weight = (dx ? across : 1 - across) * (dy ? down : 1 - down);
      if (!weight) continue;
      context.globalAlpha = weight / (sum += weight);
      const top = row + dy + target * ROWS;
      context.drawImage(sheet, (column + dx) * side, top * side, side, side, edge, edge, size, size);
    }
  });
}
""".replace("COLUMNS", str(COLUMNS))
    .replace("ROWS", str(ROWS))
    .replace("YAW", str(YAW))
    .replace("PITCH", str(PITCH))
)
"""Run with all that the picture depends on, yaw, pitch and zoom last, whenever one of that changes.

The nearest view is shown, and both only halfway to the next one: views that differ make a double face. No server is
asked, and nothing is animated.
"""
AFTER_DRAWING = f"(...now) => {{ requestAnimationFrame(() => ({TURN.strip()})(...now)); }}"
"""The same after a picture or views have come, which stand in the page a moment later."""
LET_GO_BY_KEYS = """
() => {
  const moves = /^(Arrow|Page|Home|End|Enter)/;
  for (const input of document.querySelectorAll('input:is([type=range], [type=number]):not([data-keys])')) {
    input.dataset.keys = 'release';
    const ending = input.type === 'range' ? ['pointerup', {bubbles: true}] : ['blur'];
    input.addEventListener('keyup', event => {
      if (moves.test(event.key)) input.dispatchEvent(new PointerEvent(...ending));
    });
  }
}
"""
"""Gradio's sliders are let go of by a pointer alone, and their numbers by leaving them."""


def picture(source: np.ndarray, target: np.ndarray, key: str, who: Sequence[Any], pose: Sequence[float]) -> str:
    """One person as source and as target, pictures uint8 [S, S, 3], with what `TURN` has to know of them.

    Args:
        key: of the person, see `adapter.service.view_grid.identity`.
        who, pose: what stood in the controls: all others, and yaw, pitch and zoom.
    """
    about = f'data-key="{key}" data-who="{_json(who)}" data-pose="{_json(pose)}"'
    return f"<div {about}>{html.beside(source, target)}</div>"


def views(sheet: np.ndarray, key: str, zoom: float) -> str:
    """The views of a person, for `TURN`; they are not shown themselves.

    Args:
        sheet: see `adapter.service.view_grid.sheet`.
        key: of the person.
        zoom: at which they were rendered.
    """
    return f'<div data-key="{key}" data-zoom="{zoom}"><img src="{html.jpeg(sheet)}" alt=""></div>'


def _json(values: Sequence[Any]) -> str:
    return escaping.escape(json.dumps(list(values)))

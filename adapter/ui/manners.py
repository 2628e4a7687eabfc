"""What the page does in the browser out of politeness: videos that keep still, and links that are really copied."""

import json

from adapter.ui import html

KEEP_STILL = """
() => {
  // Who asked for reduced motion starts videos by hand.
  const reduced = window.matchMedia('(prefers-reduced-motion: reduce)');
  const touched = new WeakMap();
  const player = element => element.closest?.('#orbit, #film');
  for (const kind of ['pointerdown', 'keydown'])
    document.addEventListener(kind, event => {
      if (player(event.target)) touched.set(player(event.target), performance.now());
    }, true);
  document.addEventListener('play', event => {
    const byHand = performance.now() - (touched.get(player(event.target)) ?? -Infinity) < 1000;
    if (reduced.matches && event.target.tagName === 'VIDEO' && !byHand) event.target.pause();
  }, true);
}
"""
COPIED = "The link is in the clipboard."
NOT_COPIED = "This browser does not allow copying here. The link stands in the address bar: copy it there."
COPY_LINK = """
async () => {
  const link = window.location.href;
  const copied = async () => {
    // navigator.clipboard is there only over https and on localhost.
    try { await navigator.clipboard.writeText(link); return true; } catch {}
    const box = Object.assign(document.createElement('textarea'), {value: link, readOnly: true});
    box.style.cssText = 'position: fixed; top: 0; opacity: 0;';
    document.body.append(box);
    box.select();
    try { return document.execCommand('copy'); } catch { return false; } finally { box.remove(); }
  };
  return await copied() ? COPIED : NOT_COPIED;
}
""".replace("NOT_COPIED", json.dumps(html.notice(NOT_COPIED))).replace("COPIED", json.dumps(html.notice(COPIED)))
"""Copies the page's address; returns a notice of whether that worked."""

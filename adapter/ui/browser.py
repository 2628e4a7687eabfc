"""What the page does in the browser by itself: it remembers who it is, scrolls to problems, and asks before it goes."""

OPEN = """
async () => {
  const KEY = 'adapter-session', lost = 'Connection to the server was lost';
  const stored = [() => sessionStorage, () => localStorage];
  const read = storage => { try { return storage().getItem(KEY); } catch { return null; } };
  const fresh = () => Array.from(crypto.getRandomValues(new Uint8Array(32)),
    byte => byte.toString(16).padStart(2, '0')).join('');

  // A token belongs to one open tab. A new tab takes over that of a closed one, never that of an open one.
  let token = null;
  const tabs = window.BroadcastChannel ? new BroadcastChannel(KEY) : null;
  const isTaken = wanted => new Promise(resolve => {
    if (!tabs) return resolve(false);
    tabs.addEventListener('message', ({data}) => { if (data.taken === wanted) resolve(true); });
    tabs.postMessage({wanted});
    setTimeout(() => resolve(false), 200);
  });
  if (tabs) tabs.addEventListener('message', ({data}) => {
    if (token && data.wanted === token) tabs.postMessage({taken: token});
  });
  const known = stored.map(read).find(Boolean);
  token = known && !await isTaken(known) ? known : fresh();
  for (const storage of stored) { try { storage().setItem(KEY, token); } catch {} }

  window.addEventListener('pageshow', event => { if (event.persisted) location.reload(); });
  window.addEventListener('beforeunload', event => {
    const runs = document.querySelector('#adapt')?.disabled;
    if (runs && !document.body.innerText.includes(lost)) event.preventDefault();
  });
  new MutationObserver(() => {
    for (const notice of document.querySelectorAll('.notice.problem:not([data-met])')) {
      notice.dataset.met = '';
      const {top, bottom, height} = notice.getBoundingClientRect();
      if (height && (top < 0 || bottom > window.innerHeight)) notice.scrollIntoView({block: 'center'});
    }
  }).observe(document.body, {childList: true, subtree: true});
  return [token];
}
"""
"""Run when the page opens; returns the token that finds the visitor again, see `adapter.service.visitors`."""

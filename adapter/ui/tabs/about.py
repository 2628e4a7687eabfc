"""The About tab: what is embedded, whose it is, how to call it."""

import html

import gradio as gr

from adapter.hub.library import Entry, catalog
from adapter.service.settings import Settings

CLIENT = """from gradio_client import Client, handle_file

app = Client("http://127.0.0.1:7860")
job = app.submit(handle_file("examples/bronze.jpg"), preset="draft", api_name="/adapt_from_image")
for progress, *_ in job:
    print(progress["stage"], progress["step"], "of", progress["total"])
progress, orbit, samples, domain = job.outputs()[-1]
view = app.predict(handle_file(domain), yaw=0.3, api_name="/render_image")"""

_SHELL = "python -m adapter adapt --prompt 'a bronze statue' --preset quick --out out/bronze"

_TEXT = """
<article class="about">
<section><h2>What this is</h2>
<p>A pretrained EG3D generator makes heads from random numbers and a camera. A <b>domain</b> is a small set of changed
weights that turns it into a generator of another world: bronze statues, zombies, a painter's style. Adaptation learns a
domain from a picture or a few words; the same numbers then mean the same person in both worlds, which is what the
videos show.</p>
</section>
<section><h2>What runs here</h2>
<p>Base <b>{base}</b>, read by the CLIP <b>{encoder}</b>. Embedded and from the Hub run the same classes, the same
loader and the same losses; the embedded weights are smaller, not simpler.</p>
<div class="scroll"><table><thead><tr><th>Base</th><th>Where</th><th>Licence</th></tr></thead><tbody>{bases}</tbody>
</table></div>
<p><b>Official EG3D weights are NVIDIA's and for non-commercial use only</b>, and so is everything adapted from them.
Our embedded generator was trained on synthetic heads and is CC0: nobody it shows exists.</p>
</section>
<section><h2>What is the paper's, and what is ours</h2>
<p>The method follows <i>One-shot Generative Domain Adaptation in 3D GANs</i> (3D-Adapter), whose authors have
published no code. Which parts train, the names of the four losses and the two steps are theirs. <b>The
formulas, weights, layers, order and step counts are our reconstruction</b>, and further losses are ours,
named as such in the source. DiFa, StyleGAN-NADA and DoRM are carried over from 2D for comparison.</p>
<ul class="links">
<li><a href="https://arxiv.org/abs/2410.08824" rel="noreferrer" target="_blank">3D-Adapter: the paper</a></li>
<li><a href="https://arxiv.org/abs/2112.07945" rel="noreferrer" target="_blank">EG3D: the generator</a></li>
<li><a href="https://arxiv.org/abs/2108.00946" rel="noreferrer" target="_blank">StyleGAN-NADA: edits in CLIP</a></li>
<li><a href="https://arxiv.org/abs/2207.08736" rel="noreferrer" target="_blank">DiFa: one-shot adaptation in 2D</a></li>
</ul>
</section>
<section><h2>Your data</h2>
<p>Uploads and results lie in a folder of your session, are never shown to anybody else, and go when you leave, or after
an hour. Nothing on this page is loaded from another host.</p>
</section>
<section><h2>From your own program</h2>
<p>The main jobs have named endpoints; progress streams. With <code>pip install gradio_client</code>:</p>
<pre tabindex="0"><code>{client}</code></pre>
<p>On the command line:</p>
<pre tabindex="0"><code>{shell}</code></pre>
<p>Endpoints: <code>/adapt_from_image</code>, <code>/adapt_from_text</code>, <code>/render_image</code>,
<code>/render_orbit</code>, <code>/mesh</code>, <code>/walk</code>, <code>/invert</code>, <code>/edit</code>,
<code>/edit_by_words</code>, <code>/list_domains</code>, <code>/upload_domain</code>.</p>
</section>
</article>
"""


def about_tab(settings: Settings) -> None:
    """Lay the tab out inside the current Tab."""
    bases = "".join(_row(entry) for entry in catalog(settings.library).bases)
    values = {"base": html.escape(settings.base), "encoder": html.escape(settings.encoder), "bases": bases}
    page = _TEXT.format(**values, client=html.escape(CLIENT), shell=html.escape(_SHELL))
    with gr.Column(elem_classes="card"):
        gr.HTML(page, apply_default_css=False)


def _row(entry: Entry) -> str:
    where = "embedded" if entry.path is not None else "Hub" if entry.verified else "Hub, not tried by us"
    return f"<tr><td>{html.escape(entry.title)}</td><td>{where}</td><td>{html.escape(entry.licence)}</td></tr>"

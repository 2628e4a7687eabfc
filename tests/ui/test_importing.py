"""Gradio imported quickly is Gradio all the same."""

import inspect
import subprocess
import sys

from adapter.ui.importing import importing_gradio

CODE = """
import ast, gc, inspect, sys
from adapter.ui.importing import importing_gradio
told, parsed, parse = inspect.getfile, [], ast.parse
ast.parse = lambda *given, **more: parsed.append(given) or parse(*given, **more)
with importing_gradio():
    import gradio as gr
assert inspect.getfile is told and gc.isenabled()
with gr.Blocks() as page:
    text = gr.Textbox()
    gr.Button().click(str.upper, text, text)
assert page.get_config_file()["components"]
print(any("class Textbox(" in str(given[0]) for given in parsed))
"""


def test_components_are_not_parsed_and_work():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["False"]


def test_everything_is_put_back_after_an_error():
    told = inspect.getfile
    try:
        with importing_gradio():
            raise ImportError
    except ImportError:
        pass
    assert inspect.getfile is told

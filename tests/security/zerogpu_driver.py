"""Runs one scenario as ZeroGPU would, without a GPU: ``python zerogpu_driver.py SCENARIO FOLDER``, JSON to stdout.

On ZeroGPU, spaces makes torch pretend that there is a GPU, and runs decorated functions in forked workers. The shims
let that happen on the CPU: nothing is initialised, packed or moved.
"""

import json
import multiprocessing
import os
import sys
import threading
import time
from pathlib import Path

import torch

torch.version.cuda = "13.0"
torch._C._cuda_init = lambda: None
torch.cuda._is_in_bad_fork = bool

import spaces  # noqa: E402
import spaces.zero.torch as emulation  # noqa: E402

emulation.init = lambda uuid: None
emulation.pack = lambda: 0
emulation.size = lambda: 0
emulation.move = lambda callback=None: None

import numpy as np  # noqa: E402

from adapter import result  # noqa: E402
from adapter.errors import UserError  # noqa: E402
from adapter.methods import Method, Stage, loss  # noqa: E402
from adapter.methods.offers import OFFERS, Preset  # noqa: E402
from adapter.service import library, models, result_files  # noqa: E402
from adapter.service.gpu import gpu_seconds  # noqa: E402
from adapter.service.jobs import adapt_job, render_pair  # noqa: E402
from adapter.service.requests import AdaptRequest, ExploreRequest  # noqa: E402
from adapter.service.settings import Settings  # noqa: E402
from adapter.service.worker import adapt as adapt_worker  # noqa: E402
from adapter.service.worker import explore, outputs  # noqa: E402

METHOD = Method(
    name="3d-adapter",
    preset="tiny",
    stages=(Stage("Tri-D", ("decoder",), 6), Stage("G2", ("superresolution",), 6)),
    losses=(loss("directional", 1.0, ("pooled",)),),
    pool=4,
    preview_every=2,
    warmup=1,
)


def main(scenario: str, folder: Path) -> dict:
    torch.set_num_threads(1)
    OFFERS["embedded"]["3d-adapter"]["tiny"] = Preset("Tiny", 1, METHOD)
    result_files.VIDEO_TILE = outputs.PREVIEW_TILE = result.GRID_TILE = 48
    log = folder / "worker.log"
    adapt_worker.run, explore.run = watched("adapt", adapt_worker.run, log), watched("explore", explore.run, log)
    return {"spaces": spaces.__name__, **SCENARIOS[scenario](folder), "log": log.read_text() if log.exists() else ""}


def watched(kind: str, run, log: Path):
    """The same job, writing down where it runs and how it ends."""

    def wrapped(request):
        write(log, f"{kind} finds {models.generator.cache_info().currsize} bases")
        write(log, f"{kind} begins in {os.getpid()}")
        try:
            for update in run(request):
                write(log, f"{kind} yields")
                yield update
        except GeneratorExit:
            write(log, f"{kind} was closed")
            raise
        write(log, f"{kind} ends")

    return wrapped


def write(log: Path, line: str) -> None:
    with log.open("a") as file:
        file.write(line + "\n")


def request(folder: Path, **values) -> AdaptRequest:
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[16:48, 16:48, 1] = 180
    (folder / "job").mkdir(exist_ok=True)
    return AdaptRequest((picture,), str(folder / "job"), preset="tiny", people=1, base=str(folder / "base"), **values)


def adapt(folder: Path) -> dict:
    updates = list(adapt_job(request(folder)))
    made = updates[-1].result
    files = [made.domain, made.grid, made.before, made.after, made.orbit, *made.people]
    return {
        "parent": os.getpid(),
        "steps": made.steps,
        "files": all(Path(file).stat().st_size > 0 for file in files),
        "previews": sum(update.preview is not None for update in updates),
        "seconds": gpu_seconds(request(folder)),
        "loaded in the parent": models.generator.cache_info().currsize + models.encoder.cache_info().currsize,
        "parent's torch is emulated": torch.cuda.is_available(),
        "kinds of values": sorted({type(update.preview).__name__ for update in updates}),
    }


def preloaded(folder: Path) -> dict:
    """As the app starts: models first, in the main thread, then a visitor's job."""
    base = models.preload(Settings(base=str(folder / "base")))
    *_, last = adapt_job(request(folder))
    return {"device": str(base.device), "orbit": Path(last.result.orbit).stat().st_size}


def close(folder: Path) -> dict:
    updates = adapt_job(request(folder))
    for update in updates:
        if update.losses:
            break
    updates.close()
    time.sleep(1.0)  # anything that still ran would go on yielding
    return {"left": sorted(path.name for path in (folder / "job").iterdir())}


def errors(folder: Path) -> dict:
    said = {}
    for name, job in {
        "sentence": lambda: list(adapt_job(request(folder, encoder="clip-nothing"))),
        "domain": lambda: render_pair(ExploreRequest(mix=((str(folder / "a.txt"), 1.0),), base=str(folder / "base"))),
        "gpu": lambda: list(adapt_job(request(folder))),
    }.items():
        try:
            job()
        except UserError as error:
            said[name] = str(error)
    return said


def separate(folder: Path) -> dict:
    view = ExploreRequest(base=str(folder / "base"))
    list(adapt_job(request(folder)))
    shapes = [np.shape(render_pair(view)) for _ in range(2)]
    return {"shapes": shapes, "seconds": gpu_seconds(view)}


def parent(folder: Path) -> dict:
    """What Gradio's own threads do outside of jobs; the emulation of CUDA reaches the main thread only."""
    settings = Settings(base=str(folder / "base"))
    said = {}

    def work() -> None:
        said["known"] = models.read_prompt("a bronze statue", "clip-heads").known
        try:
            library.accept(folder / "job" / "domain.safetensors", folder / "kept", settings)
            said["accepted"] = True
        except UserError as error:
            said["accepted"] = str(error)

    list(adapt_job(request(folder)))
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return said


SCENARIOS = {
    "adapt": adapt,
    "preloaded": preloaded,
    "close": close,
    "errors": errors,
    "separate": separate,
    "parent": parent,
}

if __name__ == "__main__":
    print("RESULT " + json.dumps(main(sys.argv[1], Path(sys.argv[2]))), flush=True)
    for child in multiprocessing.active_children():
        child.terminate()

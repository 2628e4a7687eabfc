"""How much memory and time a conversion takes, in a process of its own."""

import subprocess
import sys
from pathlib import Path

_CODE = """
import sys, time, torch
from pathlib import Path
from adapter.hub.convert import convert

def kilobytes(key):
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(key)).split()[1])

torch.set_num_threads(1)
torch.isfinite(torch.zeros(8)).all()
Path("/proc/self/clear_refs").write_text("5")  # forget the peak of the imports
before, began = kilobytes("VmRSS"), time.process_time()
convert(sys.argv[1], sys.argv[2])
print((kilobytes("VmHWM") - before) * 1024, time.process_time() - began)
"""


def peak_of_converting(source: Path, folder: Path) -> tuple[int, float]:
    """Bytes on top of what the program itself needs, and seconds of the processor; on Linux."""
    run = subprocess.run([sys.executable, "-c", _CODE, source, folder], capture_output=True, text=True, check=True)
    peak, seconds = run.stdout.split()
    return int(peak), float(seconds)

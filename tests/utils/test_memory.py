"""Memory that a job has freed goes back to the system."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from adapter.utils.memory import release


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries keep nothing back")
def test_freed_memory_goes_back_even_under_what_is_still_used():
    blocks = [b"x" * 20_000 for _ in range(10_000)]
    kept = blocks[::100]
    del blocks
    before = resident()
    release()
    assert before - resident() > 100e6
    assert all(len(block) == 20_000 for block in kept)


FAULTS = """
import resource, adapter
def work():
    for _ in range(5): bytearray(20_000_000)
work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no such options")
def test_freed_memory_is_used_again_unless_the_user_chose():
    def faults(**chosen: str) -> int:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
        command = [sys.executable, "-c", FAULTS]
        return int(subprocess.run(command, env={**environment, **chosen}, check=True, capture_output=True).stdout)

    # Five times twenty megabytes are 24,000 pages of four kilobytes.
    assert faults() < 1000
    assert faults(MALLOC_MMAP_THRESHOLD_="1000000") > 20_000

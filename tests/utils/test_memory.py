"""Memory that a job has freed goes back to the system."""

import os
import platform
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

import time

import pytest
import torch

from adapter.measuring import measured

CPU = torch.device("cpu")


def test_seconds_are_wall_time() -> None:
    with measured(CPU) as cost:
        time.sleep(0.05)
    assert cost.seconds >= 0.05


def test_the_peak_is_that_of_the_block() -> None:
    with measured(CPU) as idle:
        pass
    with measured(CPU) as busy:
        del_me = torch.ones(64 << 20)
        del del_me
    with measured(CPU) as after:
        pass
    if idle.peak_bytes is not None:
        grown = busy.peak_bytes - idle.peak_bytes
        assert 200e6 < grown < 400e6
        assert after.peak_bytes < busy.peak_bytes - 200e6


def test_the_cost_of_a_failing_block_is_known_too() -> None:
    with pytest.raises(RuntimeError, match="stop"), measured(CPU) as cost:
        raise RuntimeError("stop")
    assert cost.seconds > 0

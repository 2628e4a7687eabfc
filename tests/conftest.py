"""What all tests share."""

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    # Tiny tensors gain nothing from several threads, and sums stay equal on every machine.
    torch.set_num_threads(1)

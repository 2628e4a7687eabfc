"""What all tests share."""

import os

import pytest
import torch

# Results do not depend on what this machine has compiled; `tests.eg3d.test_native` compiles for itself.
os.environ["COMPILE_KERNELS"] = "no"


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    # Tiny tensors gain nothing from several threads; TEST_THREADS tries the tests with another number.
    torch.set_num_threads(int(os.environ.get("TEST_THREADS") or 1))

"""The pretend device itself: what it refuses, and what it counts."""

import contextlib
from collections.abc import Callable, Iterator

import torch

from adapter.utils.parallel import each
from tests.gpu.checks import Check, run
from tests.gpu.pretend_device import ACTIVITY, DEVICE, CrossDeviceError


@contextlib.contextmanager
def refused(error: type[Exception]) -> Iterator[None]:
    try:
        yield
    except error:
        return
    raise AssertionError("was not refused")


def waits_of(work: Callable[[], object]) -> int:
    ACTIVITY.reset()
    work()
    return ACTIVITY.waits


def refusals() -> None:
    own, other = torch.ones(3).to(DEVICE), torch.ones(3)
    with refused(CrossDeviceError):
        own + other
    with refused(CrossDeviceError):
        other[own.long()]
    with refused(TypeError):
        own.numpy()
    with refused(CrossDeviceError):
        torch.randn(3, generator=torch.Generator().manual_seed(0), device=DEVICE)
    assert (own * torch.tensor(2.0)).cpu().tolist() == [2, 2, 2]


def waiting() -> None:
    own, index = torch.arange(6.0).to(DEVICE), torch.tensor([0, 2])
    assert waits_of(lambda: own + 1) == 0
    assert waits_of(lambda: float(own.sum())) == 1
    assert waits_of(lambda: own.cpu()) == 1
    assert waits_of(lambda: index.to(DEVICE)) == 1
    assert waits_of(lambda: index.to(DEVICE, non_blocking=True)) == 0
    assert waits_of(lambda: own[[0, 2]]) == 1
    assert waits_of(lambda: own[own > 2]) == 1
    on_device = index.to(DEVICE)
    assert waits_of(lambda: own[on_device]) == 0


def gradients() -> None:
    layer = torch.nn.Conv2d(2, 3, 3)
    images = torch.randn(1, 2, 5, 5)
    layer(images).square().sum().backward()
    expected = layer.weight.grad
    there = torch.nn.Conv2d(2, 3, 3)
    there.load_state_dict(layer.state_dict())
    there.to(DEVICE)
    ACTIVITY.reset()
    there(images.to(DEVICE)).square().sum().backward()
    assert torch.allclose(there.weight.grad.cpu(), expected, atol=1e-4)
    convolutions = sum(count for name, count in ACTIVITY.operations.items() if "convolution" in name)
    assert convolutions == 2
    assert sum(flops for _, flops in ACTIVITY.work) > 2 * 27 * 3 * 2
    assert ACTIVITY.peak > 0


def helpers() -> None:
    """A helper thread is noticed, and `each` uses none on a device."""
    torch.set_num_threads(2)
    own = torch.ones(4).to(DEVICE)
    with torch.no_grad():
        ACTIVITY.reset()
        each(lambda k: own * k, range(4), DEVICE)
        assert ACTIVITY.helpers == []
        each(lambda k: own * k, range(4))
        assert ACTIVITY.helpers


CHECKS: list[Check] = [
    ("refusals", refusals),
    ("waiting", waiting),
    ("gradients", gradients),
    ("helpers", helpers),
]

if __name__ == "__main__":
    run(CHECKS)

import torch

from adapter.utils.quantization import LEAST, SCALE, dequantize, quantize, quantized_shapes


def _tensors() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    side = int(LEAST**0.5)
    return {
        "large": torch.randn(side, side, 1, 1) * torch.logspace(-3, 3, side).view(-1, 1, 1, 1),
        "small": torch.randn(7),
    }


def test_errors_stay_within_half_a_step_of_each_row():
    tensors = _tensors()
    again = dequantize(quantize(tensors))
    assert set(again) == set(tensors)
    step = tensors["large"].abs().amax(dim=(1, 2, 3)) / 127
    error = (again["large"] - tensors["large"]).abs().amax(dim=(1, 2, 3))
    assert bool((error <= 0.501 * step).all())


def test_small_tensors_keep_half_precision():
    tensors = _tensors()
    assert torch.equal(dequantize(quantize(tensors))["small"], tensors["small"].half().float())


def test_shapes_are_known_before_a_file_is_read():
    tensors = _tensors()
    stored = quantize(tensors)
    told = quantized_shapes({name: tuple(value.shape) for name, value in tensors.items()})
    assert told == {name: tuple(value.shape) for name, value in stored.items()}
    assert stored["large"].dtype == torch.int8
    assert "large" + SCALE in stored


def test_rows_of_zeros_stay_zeros():
    side = int(LEAST**0.5)
    assert not dequantize(quantize({"none": torch.zeros(side, side)}))["none"].any()

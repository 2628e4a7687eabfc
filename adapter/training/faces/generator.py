"""MobileStyleGAN on the CPU: z to w, and w to a picture of 512 px."""

from pathlib import Path

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as op

SIZE = 512
"""Side of the pictures: half of what the network could give, see `_without_last_wavelet`."""
LOW_PASS_GAIN = 0.5
"""The Haar low-pass band of a picture is twice its average over 2 x 2 pixels."""
LAST_BANDS = "Add_754"
"""The node that gives the last level's four wavelet bands [1, 12, 512, 512]."""


class FaceGenerator:
    """MobileStyleGAN (Belousov 2021) run by OpenVINO in float32.

    bfloat16 was measured slower, as OpenVINO has no fast kernels for the network's wavelets in that type.
    """

    def __init__(self, mapping: Path, synthesis: Path, threads: int = 1) -> None:
        core = ov.Core()
        options = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "f32"}
        self._mapping = core.compile_model(core.read_model(mapping), "CPU", options)
        model = _with_quick_splits(_without_last_wavelet(core.read_model(synthesis)))
        self._synthesis = core.compile_model(model, "CPU", options).create_infer_request()

    def mapping(self, z: NDArray) -> NDArray:
        """Return w [N, 512] of latents z [N, 512]."""
        return np.concatenate([self._mapping(row[None].astype(np.float32))[0] for row in z])

    def picture(self, w: NDArray) -> NDArray:
        """Return the RGB picture, uint8 [512, 512, 3], of one w [512]."""
        self._synthesis.infer({0: w[None].astype(np.float32)})
        values = self._synthesis.get_output_tensor(0).data[0] * LOW_PASS_GAIN
        return np.round((np.clip(values, -1, 1) + 1) * 127.5).astype(np.uint8).transpose(1, 2, 0).copy()


def _without_last_wavelet(model: ov.Model) -> ov.Model:
    """Return the network that stops at the low-pass band of the last level, in place of the whole 1024 px."""
    bands = next(node for node in model.get_ordered_ops() if node.get_friendly_name() == LAST_BANDS)
    one = np.array([1])
    low = op.slice(bands.output(0), np.array([0]), np.array([3]), one, one)
    return ov.Model([low.output(0)], model.get_parameters(), "synthesis")


def _with_quick_splits(model: ov.Model) -> ov.Model:
    """Replace every split by gathers; the result is equal, and the whole network takes half the time.

    OpenVINO's split of an uneven number of channels runs on a slow reference kernel.
    """
    for node in model.get_ordered_ops():
        if node.get_type_name() != "VariadicSplit":
            continue
        axis = int(node.input_value(1).get_node().get_data())
        start = 0
        for output in list(node.outputs()):
            stop = start + output.get_partial_shape()[axis].get_length()
            part = op.gather(node.input_value(0), np.arange(start, stop), np.array(axis))
            for target in list(output.get_target_inputs()):
                target.replace_source_output(part.output(0))
            start = stop
    return model


def mapping_layers(path: Path) -> tuple[NDArray, NDArray]:
    """Read weights [8, 512, 512] (out, in) and biases [8, 512] of the mapping network out of its model.

    The network divides z by its root mean square; each layer ends in a leaky ReLU of slope 0.2 and a gain of sqrt(2).
    """
    weights, biases = [], []
    for node in ov.Core().read_model(path).get_ordered_ops():
        if node.get_type_name() != "MatMul":
            continue
        weights.append(node.input_value(1).get_node().get_data().copy())
        added = next(iter(node.output(0).get_target_inputs())).get_node()
        biases.append(added.input_value(1).get_node().get_data().reshape(-1).copy())
    return np.stack(weights), np.stack(biases)

"""MobileStyleGAN's synthesis as the front of the base: its tensors, and where its pictures show the XY plane."""

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import openvino as ov
from numpy.typing import NDArray

from adapter.training.faces.crop import PIVOT, crop_matrix
from adapter.training.faces.depth import FACE_WIDTH, FOCAL, RADIUS, surface_weights
from adapter.training.faces.latents import PoseSpace
from adapter.training.faces.pose import Similarity, angles, fit

if TYPE_CHECKING:
    from adapter.training.faces.collect import Studio

CONVOLUTIONS = ((77, 85, 87, 88, 107, 108), (110, 118, 120, 121, 140, 141))
"""Numbers of the nodes of a level's convolutions: affine, its factor, depthwise, pointwise, noise, bias."""
BANDS, NEXT_LEVEL = 52, 100
"""Number of the node that scales a level's wavelet bands; each level's numbers are that much higher."""
SMOOTHED = 0.25
"""Face widths over which the face's depth runs out into the plane through the middle of the head."""


def front_tensors(path: Path, levels: int) -> dict[str, NDArray]:
    """Read the tensors of `adapter.eg3d.front.FrontSynthesis` with that many levels out of the OpenVINO model."""
    nodes = {node.get_friendly_name(): node for node in ov.Core().read_model(path).get_ordered_ops()}

    def constant(name: str) -> NDArray:
        values = (value.get_node() for value in nodes[name].input_values())
        return next(node.get_data().copy() for node in values if node.get_type_name() == "Constant")

    def affine(name: str, number: int, factor: int | None = None) -> dict[str, NDArray]:
        gain = 1.0 if factor is None else float(constant(f"Mul_{factor}").ravel()[0])
        weight, bias = constant(f"Gemm_{number}/WithoutBiases") * gain, constant(f"Gemm_{number}").ravel() * gain
        return {f"{name}.weight": weight, f"{name}.bias": bias}

    tensors = {
        "constant": constant("Expand_9")[0],
        "weight": constant("Conv_21"),
        "noise": constant("Add_40")[0, 0],
        "bias": constant("Add_41").ravel(),
        **affine("affine", 11, 19),
    }
    for level in range(levels):
        shift = NEXT_LEVEL * level
        tensors |= affine(f"levels.{level}.bands", BANDS + shift)
        for index, numbers in enumerate(CONVOLUTIONS):
            style, factor, depthwise, pointwise, noise, bias = (number + shift for number in numbers)
            name = f"levels.{level}.conv{index}"
            tensors |= affine(f"{name}.affine", style, factor)
            tensors[f"{name}.depthwise"] = constant(f"Conv_{depthwise}")[:, 0]
            tensors[f"{name}.pointwise"] = constant(f"Conv_{pointwise}")
            tensors[f"{name}.noise"] = constant(f"Add_{noise}")[0, 0]
            tensors[f"{name}.bias"] = constant(f"Add_{bias}").ravel()
    return {name: np.ascontiguousarray(value, np.float32) for name, value in tensors.items()}


def find_grid(studio: "Studio", space: PoseSpace, w: NDArray, box: float, size: int) -> NDArray:
    """Where the pictures of neutral w [N, 512] show the texels of the XY plane: [size, size, 2] in [-1, 1] (x, y).

    The texels are put on the mean face's surface, seen by the mean pose of these people and brought from the level
    crop into the picture.

    Args:
        box: side of the plane in world units.
    """
    read = [studio.reader.read(studio.generator.picture(row))[0] for row in w]
    pose = fit(space.template, np.stack(read))
    turned = angles(pose.rotation)
    matrices = [crop_matrix(Similarity(*(part[k : k + 1] for part in pose)), 1, 1) for k in range(len(w))]
    matrix = np.mean(matrices, axis=0)
    axis = ((np.arange(size) + 0.5) / size - 0.5) * box
    x, y = np.meshgrid(axis, axis)
    places = np.stack([x, y, mean_depth(space.template, x, y)], axis=-1)
    seen = _project(places, float(turned.yaw.mean()), float(turned.pitch.mean()))
    back = cv2.invertAffineTransform(matrix)
    grid = (seen @ back[:, :2].T + back[:, 2]) * 2 - 1
    # A plane's rows run upwards in the world.
    return grid[::-1].astype(np.float32)


def mean_depth(template: NDArray, x: NDArray, y: NDArray) -> NDArray:
    """Height of the mean face over the plane through the middle of the head at world x to the right and y down."""
    dense = (surface_weights(template) @ template - PIVOT) * FACE_WIDTH
    step = x[0, 1] - x[0, 0]
    column = np.round((dense[:, 0] - x[0, 0]) / step).astype(int)
    row = np.round((dense[:, 1] - y[0, 0]) / step).astype(int)
    inside = (column >= 0) & (column < x.shape[1]) & (row >= 0) & (row < x.shape[0])
    height, count = np.zeros(x.shape), np.zeros(x.shape)
    np.add.at(height, (row[inside], column[inside]), -dense[inside, 2])
    np.add.at(count, (row[inside], column[inside]), 1)
    known = (count > 0).astype(np.float64)
    height = np.where(count > 0, height / np.maximum(count, 1), 0)
    spread = SMOOTHED * FACE_WIDTH / step / 2
    wide = cv2.GaussianBlur(height, (0, 0), spread) / np.maximum(cv2.GaussianBlur(known, (0, 0), spread), 0.5)
    return np.where(known > 0, height, wide)


def _project(places: NDArray, yaw: float, pitch: float) -> NDArray:
    """Points [.., 3] (x right, y down, z to the viewer of the frontal face) in the level crop, [.., 2] in [0, 1].

    The head is turned by ``yaw`` to the picture's right and looks up by ``pitch``, in radians.
    """
    cos, sin = np.cos(yaw), np.sin(yaw)
    about = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
    cos, sin = np.cos(pitch), np.sin(pitch)
    nod = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    turned = places @ (about @ nod).T
    return turned[..., :2] * FOCAL / (RADIUS - turned[..., 2:]) + 0.5

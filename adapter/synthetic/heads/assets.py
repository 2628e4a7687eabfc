"""The packed MakeHuman head as one immutable value."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from adapter.synthetic.heads.pack import ASSET, WIG_AZIMUTHS, WIG_POLARS


@dataclass(frozen=True)
class Template:
    """The neutral head and all its deformations, in template units (1 unit is about 1 dm).

    x points to the head's left, y up, z out of the face.

    Attributes:
        points: [V,3] neutral vertices.
        triangles: [F,3] vertex ids; materials: [F] material of each (pack.BODY, EYE, TONGUE, LASH).
        teeth_anchors: ids of the upper teeth's vertices.
        target_index: name -> row of `targets` [T, V*3] displacements.
        wig_vertices, wig_weights: [A,P,3] barycentric places of the wig grid on the scalp.
        lips, ears, inside_mouth: [V] region masks in 0..1.
        left_eye, right_eye: vertex ids of the eyeballs.
    """

    points: np.ndarray
    triangles: np.ndarray
    materials: np.ndarray
    teeth_anchors: np.ndarray
    target_index: dict[str, int]
    targets: np.ndarray
    wig_vertices: np.ndarray
    wig_weights: np.ndarray
    lips: np.ndarray
    ears: np.ndarray
    inside_mouth: np.ndarray
    left_eye: np.ndarray
    right_eye: np.ndarray


@lru_cache(maxsize=1)
def template() -> Template:
    """The head of makehuman_head.npz (read once)."""
    with np.load(ASSET, allow_pickle=False) as data:
        names = [str(n) for n in data["target_names"]]
        points = data["points"].astype(np.float32)
        eyes = np.flatnonzero(data["vertex_material"] == 1)
        grid = (WIG_AZIMUTHS, WIG_POLARS, 3)
        return Template(
            points=points,
            triangles=data["triangles"],
            materials=data["materials"],
            teeth_anchors=data["teeth_anchors"],
            target_index={n: i for i, n in enumerate(names)},
            targets=data["targets"].astype(np.float32).reshape(len(names), -1),
            wig_vertices=data["wig_vertices"].reshape(grid),
            wig_weights=data["wig_weights"].reshape(grid),
            lips=data["mask_lips"],
            ears=data["mask_ears"],
            inside_mouth=data["mask_inside_mouth"],
            left_eye=eyes[points[eyes, 0] > 0],
            right_eye=eyes[points[eyes, 0] < 0],
        )

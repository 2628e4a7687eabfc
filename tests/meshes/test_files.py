"""GLB and PLY files open again as what was written, and strangers' files are refused with a sentence."""

import contextlib
import dataclasses
import json
import struct
from pathlib import Path

import numpy as np
import pytest
import trimesh

from adapter.errors import UserError
from adapter.meshes import reading
from adapter.meshes.atlas import build_atlas
from adapter.meshes.extract import simplify, surface
from adapter.meshes.files import save_glb, save_person, save_ply
from adapter.meshes.mesh import Mesh
from adapter.meshes.person import PersonMesh, PersonMeshes
from adapter.meshes.reading import load_mesh
from tests.helpers.balls import ball_grid


@pytest.fixture(scope="module")
def textured() -> Mesh:
    mesh = simplify(surface(ball_grid(32, 0.8, ((0.0, 0.1, 0.0), 0.25)), 0.0, 0.4), 400)
    atlas = build_atlas(mesh, 128)
    picture = np.random.default_rng(0).integers(256, size=(len(atlas.rows), 3), dtype=np.uint8)
    return dataclasses.replace(atlas.mesh, texture=atlas.texture(picture))


@pytest.fixture(scope="module")
def colored() -> Mesh:
    mesh = surface(ball_grid(32, 0.8, ((0.0, 0.1, 0.0), 0.25)), 0.0, 0.4)
    colors = np.random.default_rng(1).integers(256, size=(len(mesh.vertices), 3), dtype=np.uint8)
    return dataclasses.replace(mesh, colors=colors)


def tree_of(path: Path) -> dict:
    content = path.read_bytes()
    return json.loads(content[20 : 20 + struct.unpack_from("<I", content, 12)[0]])


def rewritten(path: Path, out: Path, change) -> Path:
    """A GLB file whose description was changed in place."""
    content = path.read_bytes()
    size = struct.unpack_from("<I", content, 12)[0]
    tree = json.loads(content[20 : 20 + size])
    change(tree)
    header = json.dumps(tree).encode()
    header += b" " * (-len(header) % 4)
    rest = content[20 + size :]
    start = struct.pack("<4sIIII", b"glTF", 2, 20 + len(header) + len(rest), len(header), 0x4E4F534A)
    out.write_bytes(start + header + rest)
    return out


def test_a_glb_opens_again_bit_by_bit(textured: Mesh, tmp_path: Path):
    save_glb(tmp_path / "a.glb", textured)
    found = load_mesh(tmp_path / "a.glb")
    np.testing.assert_array_equal(found.vertices, textured.vertices)
    np.testing.assert_array_equal(found.faces, textured.faces)
    np.testing.assert_array_equal(found.texture, textured.texture)
    np.testing.assert_allclose(found.uv, textured.uv, atol=1e-6)
    np.testing.assert_allclose(found.normals, textured.normals, atol=1e-5)


def test_a_glb_shows_its_srgb_colors_as_they_are(textured: Mesh, tmp_path: Path):
    save_glb(tmp_path / "a.glb", textured)
    tree = tree_of(tmp_path / "a.glb")
    (material,) = tree["materials"]
    assert "KHR_materials_unlit" in material["extensions"]
    assert "KHR_materials_unlit" in tree["extensionsUsed"]
    # A base color texture holds sRGB by the standard; a factor or vertex colors would be linear and multiply it.
    assert material["pbrMetallicRoughness"].get("baseColorFactor", [1, 1, 1, 1]) == [1, 1, 1, 1]
    assert "COLOR_0" not in tree["meshes"][0]["primitives"][0]["attributes"]
    assert tree["samplers"][tree["textures"][0]["sampler"]]["minFilter"] == 9729


def test_y_is_up(textured: Mesh, colored: Mesh, tmp_path: Path):
    save_glb(tmp_path / "a.glb", textured)
    save_ply(tmp_path / "a.ply", colored)
    for name in ("a.glb", "a.ply"):
        low, high = trimesh.load(tmp_path / name, process=False).bounds
        assert (low[1] + high[1]) / 2 == pytest.approx(0.1, abs=0.01)


def test_a_ply_opens_again_bit_by_bit(colored: Mesh, tmp_path: Path):
    save_ply(tmp_path / "a.ply", colored)
    found = load_mesh(tmp_path / "a.ply")
    np.testing.assert_array_equal(found.vertices, colored.vertices)
    np.testing.assert_array_equal(found.faces, colored.faces)
    np.testing.assert_array_equal(found.colors, colored.colors)


def test_a_person_is_four_files_or_two(textured: Mesh, colored: Mesh, tmp_path: Path):
    one = PersonMesh(textured, colored)
    names = [path.name for path in save_person(tmp_path, PersonMeshes(one, one))]
    assert names == ["source.glb", "target.glb", "source.ply", "target.ply"]
    assert [path.name for path in save_person(tmp_path / "b", PersonMeshes(one, None))] == ["source.glb", "source.ply"]
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == ["source.glb", "source.ply"]


def test_what_a_format_lacks_is_refused(textured: Mesh, colored: Mesh, tmp_path: Path):
    with pytest.raises(ValueError, match="texture"):
        save_glb(tmp_path / "a.glb", colored)
    with pytest.raises(ValueError, match="colors"):
        save_ply(tmp_path / "a.ply", textured)


@pytest.mark.parametrize(
    "change",
    [
        lambda tree: tree["buffers"][0].update(uri="../../etc/passwd"),
        lambda tree: tree["images"][0].update(uri="http://example.org/a.png"),
        lambda tree: tree["accessors"][0].update(count=2**31),
        lambda tree: tree["accessors"][0].update(sparse={"count": 1}),
        lambda tree: tree["accessors"][0].pop("bufferView"),
        lambda tree: tree["accessors"][0].update(bufferView=99),
        lambda tree: tree["bufferViews"][0].update(byteLength=2**40),
        lambda tree: tree["bufferViews"][0].update(byteOffset=-8),
        lambda tree: tree["meshes"].append(tree["meshes"][0]),
        lambda tree: tree["nodes"][0].update(children=[0]),
        lambda tree: tree.update(extensionsRequired=["KHR_draco_mesh_compression"]),
        lambda tree: tree.pop("accessors"),
        lambda tree: tree.update(nodes="none"),
    ],
)
def test_hostile_descriptions_are_refused(textured: Mesh, tmp_path: Path, change):
    save_glb(tmp_path / "a.glb", textured)
    load_mesh(rewritten(tmp_path / "a.glb", tmp_path / "same.glb", lambda tree: None))
    with pytest.raises(UserError, match=r"b\.glb (is damaged|cannot be used)"):
        load_mesh(rewritten(tmp_path / "a.glb", tmp_path / "b.glb", change))


@pytest.mark.parametrize("kind", ["glb", "ply"])
def test_truncated_and_flipped_files_are_sentences_or_meshes(textured: Mesh, colored: Mesh, tmp_path: Path, kind: str):
    path = tmp_path / f"a.{kind}"
    save_glb(path, textured) if kind == "glb" else save_ply(path, colored)
    content = path.read_bytes()
    for length in (0, 4, 11, 19, 40, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(UserError):
            load_mesh(path)
    random = np.random.default_rng(0)
    for _ in range(40):
        flipped = bytearray(content)
        flipped[random.integers(min(len(content), 2500))] ^= 1 << random.integers(8)
        path.write_bytes(flipped)
        with contextlib.suppress(UserError):
            assert np.isfinite(load_mesh(path).vertices).all()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a",
        b"ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nend_header\n0\n",
        b"ply\nformat ascii 1.0\nelement vertex 999999999\nelement face 1\nend_header\n",
        b"ply\nformat ascii 1.0\n" + b"comment x\n" * 200_000,
        b"ply\nformat ascii 1.0\ncomment TextureFile /etc/passwd\nelement vertex 3\nelement face 1\nend_header\n"
        + b" " * 99,
        b"ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\n"
        b"element face 1\nproperty list uchar int vertex_indices\nend_header\n0 0 0\n1 0 nan\n0 1 0\n3 0 1 2\n",
        b"ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\n"
        b"element face 1\nproperty list uchar int vertex_indices\nend_header\n0 0 0\n1 0 0\n0 1 0\n3 0 1 77\n",
    ],
)
def test_other_contents_are_refused(tmp_path: Path, content: bytes):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(UserError, match=r"^x "):
        load_mesh(tmp_path / "x")


def test_missing_and_huge_files_are_sentences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(UserError, match="cannot be read"):
        load_mesh(tmp_path / "none.glb")
    monkeypatch.setattr(reading, "MAX_BYTES", 100)
    (tmp_path / "large.ply").write_bytes(b"ply\n" + bytes(200))
    with pytest.raises(UserError, match="larger than"):
        load_mesh(tmp_path / "large.ply")

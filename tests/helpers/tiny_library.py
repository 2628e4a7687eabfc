"""A library with the base ``tiny`` and two domains of it, on which whole jobs of the app take seconds."""

from pathlib import Path

LIBRARY = """
bases:
  - {name: tiny, title: Tiny, licence: CC0-1.0, encoder: clip-heads, path: tiny}
domains:
  - {name: first-world, title: First world, base: tiny, licence: CC0-1.0, path: first-world.safetensors}
  - {name: second-world, title: Second world, base: tiny, licence: CC0-1.0, path: second-world.safetensors}
"""


def make_library(folder: Path) -> Path:
    """Write the base, its domains and the library file into a folder; the path of the file."""
    import torch

    from adapter.adaptation import Domain, DomainMetadata, fingerprint
    from adapter.eg3d import Eg3d
    from tests.helpers.tiny_base import CONFIG

    torch.manual_seed(0)
    Eg3d(CONFIG).save_pretrained(folder / "tiny")
    base = Eg3d.from_pretrained(folder / "tiny")
    for seed, name in enumerate(("first-world", "second-world")):
        random = torch.Generator().manual_seed(seed)
        changed = {
            key: value + 0.5 * torch.randn(value.shape, generator=random)
            for key, value in base.parts().named_parameters()
            if key.startswith("superresolution") and key.endswith("weight")
        }
        about = DomainMetadata("tiny", fingerprint(base), "3d-adapter", license="CC0-1.0")
        Domain.between(base.parts(), changed, about).save(folder / f"{name}.safetensors")
    (folder / "library.yaml").write_text(LIBRARY, encoding="utf-8")
    return folder / "library.yaml"


def on_tiny_base(library: Path) -> dict[str, str]:
    """Variables of an app that runs on such a library."""
    return {"LIBRARY": str(library), "BASE": "tiny", "ENCODER": "clip-heads"}

"""Make the pictures of ready domains: `python -m adapter.training.thumbnails bronze`; of all of them without names."""

import argparse
from collections.abc import Sequence

from PIL import Image

from adapter.adaptation import Domain
from adapter.eg3d import Eg3d
from adapter.hub.library import Entry, load_library
from adapter.media.images import resize
from adapter.methods.offers import TRUNCATION_PSI
from adapter.scene import DomainScene, Identities
from adapter.service.requests import AdaptRequest
from adapter.utils.atomic import replacing

SIDE, QUALITY = 320, 90


def thumbnail(entry: Entry) -> Image.Image:
    """The first person of every result in a ready domain, from the front, as ``after.png`` of its run, 320 px."""
    generator = Eg3d.from_pretrained(entry.base)
    people = Identities.draw(generator, 1, AdaptRequest.cast, TRUNCATION_PSI)
    parts = Domain.load(str(entry.path)).apply(generator)
    return Image.fromarray(resize(DomainScene(people, parts).pairs().targets[0], SIDE))


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the pictures to where the library expects them."""
    ready = {entry.name: entry for entry in load_library().domains if entry.path and entry.preview}
    parser = argparse.ArgumentParser(description="Make the pictures of ready domains.")
    parser.add_argument("names", nargs="*", metavar="DOMAIN", help=f"of {', '.join(ready)}, default: all")
    for name in parser.parse_args(arguments).names or ready:
        if name not in ready:
            parser.error(f"no ready domain is called {name!r}")
        with replacing(ready[name].preview) as temporary:
            thumbnail(ready[name]).save(temporary, "JPEG", quality=QUALITY)


if __name__ == "__main__":
    main()

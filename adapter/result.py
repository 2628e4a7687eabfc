"""What an adaptation gives back: the domain, its videos and pictures, and the way to the Hub."""

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from huggingface_hub import get_token

from adapter.adaptation import Domain
from adapter.eg3d import Generator, Parts
from adapter.eg3d.camera import SwingPath
from adapter.eg3d.pair import PairRenderer
from adapter.encoders.lpips import load_lpips
from adapter.errors import UserError
from adapter.hub.share import push_domain
from adapter.latents.walks import walk_frames, walk_past
from adapter.media.grids import pair_sheet, sample_sheet, save_png
from adapter.media.images import to_uint8
from adapter.media.video import write_mp4
from adapter.meshes.files import save_person
from adapter.meshes.mesh import MeshSettings
from adapter.meshes.person import make_meshes
from adapter.methods.offers import TRUNCATION_PSI
from adapter.scene import Identities, Pairs, SceneFactory

GRID_PEOPLE, GRID_VIEWS = 6, (0.0, -0.4)
VIDEO_TILE, GRID_TILE, FPS = 384, 256, 24


@dataclass(frozen=True)
class HubDomain(Domain):
    """A domain that can be put on the Hub."""

    def push_to_hub(
        self,
        repo_id: str,
        *,
        token: str | None = None,
        title: str = "",
        private: bool = False,
        preview: str | os.PathLike | None = None,
    ) -> str:
        """Upload the domain with a model card; see `adapter.hub.share.push_domain`.

        Args:
            repo_id: OWNER/NAME, or NAME for the user's own.
            token: of a login that may write; that of ``hf auth login`` where None.
            title, private, preview: of the repository and its card.

        Returns:
            Address of the repository's page.

        Raises:
            UserError: no login, or the Hub refuses or is away.
        """
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "domain.safetensors"
            self.save(path)
            return push_domain(path, repo_id, token or get_token(), title=title, private=private, preview=preview)


@dataclass(frozen=True)
class AdaptationResult:
    """A finished adaptation.

    Args:
        generator: the base.
        scene: makes a scene of identities in the base and in the domain, for a strength.
        domain: the domain; None for a method that paints every frame by itself.
        settings: what made it, as plain JSON values.
        message: a sentence for the user where there is something to say.
    """

    generator: Generator
    scene: Callable[[float], SceneFactory]
    domain: HubDomain | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    message: str = ""

    def video(
        self,
        path: str | os.PathLike,
        people: int = 3,
        seed: int = 2,
        truncation: float = TRUNCATION_PSI,
        strength: float = 1.0,
    ) -> Path:
        """Write an MP4 loop of people that turn, source left and target right.

        Args:
            path: the file to write.
            people: rows of the video.
            seed, truncation: of the latents; the same seed shows the same people in every domain.
            strength: of the domain, 0 to 2.
        """
        identities = Identities.draw(self.generator, people, seed, truncation)
        swing = SwingPath()
        poses = self.scene(strength)(identities).along(swing.poses)
        sheets = (pair_sheet(list(pose.sources), list(pose.targets), VIDEO_TILE) for pose in poses)
        write_mp4(path, sheets, FPS, order=swing.order)
        return Path(path)

    def grid(
        self,
        path: str | os.PathLike,
        people: int = GRID_PEOPLE,
        seed: int = 2,
        truncation: float = TRUNCATION_PSI,
        strength: float = 1.0,
    ) -> Path:
        """Write a PNG of people from two sides, sources above targets; arguments as for `video`."""
        scene = self.scene(strength)(Identities.draw(self.generator, people, seed, truncation))
        save_png(path, views_sheet([scene.pairs(yaw) for yaw in GRID_VIEWS]))
        return Path(path)

    def mesh(
        self,
        folder: str | os.PathLike,
        seed: int = 2,
        truncation: float = TRUNCATION_PSI,
        strength: float = 1.0,
        **settings: Any,
    ) -> list[Path]:
        """Write a person as source and as target: GLB files with a texture and PLY files with vertex colors.

        Args:
            folder: of the files.
            seed, truncation: of the latent; the same seed is the same person in every domain.
            strength: of the domain, 0 to 2.
            settings: fields of `MeshSettings`.

        Raises:
            UserError: a method without a domain, or a person without a surface.
        """
        return write_meshes(folder, self.generator, self._parts(strength), seed, truncation, MeshSettings(**settings))

    def walk(
        self,
        path: str | os.PathLike,
        people: int = 4,
        seed: int = 2,
        truncation: float = TRUNCATION_PSI,
        strength: float = 1.0,
        frames: int = 24,
    ) -> Path:
        """Write an MP4 loop from person to person and back, source left and target right, while the camera sways.

        Args:
            path: the file to write.
            people: that the walk passes.
            seed, truncation: of the latents.
            strength: of the domain, 0 to 2.
            frames: from each person to the next, on average.

        Raises:
            UserError: a method without a domain.
        """
        drawn = Identities.draw(self.generator, people, seed, truncation)
        walk = walk_past(self.generator, self._parts(strength), drawn.ws, drawn.latents, truncation)
        steps = walk_frames(walk, people * frames, load_lpips().to(drawn.ws.device))
        pairs = ([to_uint8(side.image) for side in step.pair] for step in steps if step.pair is not None)
        write_mp4(path, (pair_sheet(list(a), list(b), VIDEO_TILE) for a, b in pairs), FPS)
        return Path(path)

    def _parts(self, strength: float) -> Parts:
        if self.domain is None:
            raise UserError("This method paints every picture by itself, so it has no shape. Choose another method.")
        return self.domain.apply(self.generator, strength, checked=True)


def write_meshes(
    folder: str | os.PathLike,
    generator: Generator,
    parts: Parts | None,
    seed: int,
    truncation: float,
    settings: MeshSettings,
) -> list[Path]:
    """Write the meshes of a drawn person; the source's alone where there are no parts of a target."""
    people = Identities.draw(generator, 1, seed, truncation)
    pairing = PairRenderer(generator, parts or generator.parts(), people.latents, people.ws, people.truncation)
    return save_person(folder, make_meshes(pairing, settings, target=parts is not None))


def views_sheet(views: Sequence[Pairs]) -> np.ndarray:
    """The same people from several sides, for each side sources above targets: uint8 [H, W, 3]."""
    return sample_sheet([list(view.sources) for view in views], [list(view.targets) for view in views], GRID_TILE)

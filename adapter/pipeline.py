"""The whole program as one class: load a base once, adapt it to pictures or words, render and share the results."""

import contextlib
import dataclasses
import functools
import os
from collections import abc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from adapter.adaptation import (
    FAILED,
    Domain,
    Event,
    Guidance,
    RunOptions,
    TrainingState,
    adapt,
    fingerprint,
    text_guidance,
)
from adapter.adaptation.stylize import stylize_frames
from adapter.diffusion.models import DEFAULT_MODEL, load_pipeline
from adapter.diffusion.reference import ReferenceSettings, make_references
from adapter.eg3d import Generator, place
from adapter.encoders import ImageEncoder, TextEncoder, load_clip, load_encoder
from adapter.encoders.style_examples import album_picture
from adapter.encoders.vocabulary import Understanding, Vocabulary, load_vocabulary, understand
from adapter.errors import UserError
from adapter.hub.bases import load_base
from adapter.hub.domains import fetch_ready_domain
from adapter.hub.library import BASE, DOMAIN, catalog
from adapter.hub.share import fetch_domain
from adapter.latents.wplus_encoder import Inverter, load_inverter
from adapter.media.crop import REFERENCE_SIDE, Crop
from adapter.media.images import to_tensor
from adapter.media.references import Picture, read_reference
from adapter.meshes.mesh import MeshSettings
from adapter.methods import Method
from adapter.methods.offers import DEFAULT_ENCODER, DEFAULT_METHOD, TRUNCATION_PSI, customize, default_preset
from adapter.result import AdaptationResult, HubDomain, write_meshes
from adapter.scene import DomainScene, FrameScene, Identities, SceneFactory, camera


@dataclass(frozen=True)
class AdaptationSettings:
    """What `DomainAdapter.adapt` and `DomainAdapter.stream` take as keywords.

    Args:
        source: what the base shows, in words; the prompt is a change of this.
        negative: what to keep away from, in words.
        from_mean: take the prompt as a change of the base's mean picture, not of ``source``.
        words_alone: leave out the album's picture that guides beside the words, see `adapter.encoders.style_examples`.
        method: a name, or a `Method`, whose preset and changes are then ignored.
        preset: of the method, the page's default where None.
        weights: other weights of some of the method's losses, by kind.
        steps: of all stages together.
        parts: the only parts that train.
        seed: of the adaptation.
        crop: "face" cuts the square around the head where a face is found, "middle" the largest square; or a `Crop`.
        reference_from_text: a diffusion model (Hub id or folder) that draws the reference from the prompt; the words
            then guide only the drawing. See `adapter.diffusion.reference`.
    """

    source: str = "photo"
    negative: str = ""
    from_mean: bool = False
    words_alone: bool = False
    method: str | Method = DEFAULT_METHOD
    preset: str | None = None
    weights: Mapping[str, float] = field(default_factory=dict)
    steps: int | None = None
    parts: Sequence[str] | None = None
    seed: int = 0
    crop: Crop | str = "face"
    reference_from_text: str | None = None

    def customized(self, encoder: str = DEFAULT_ENCODER) -> Method:
        """The method with all changes, for the CLIP of that name.

        Raises:
            UserError: unknown names or unusable values.
        """
        if isinstance(self.method, Method):
            return self.method
        preset = self.preset or default_preset(self.method, encoder)
        return customize(self.method, preset, self.weights, self.steps, self.parts, encoder)

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain JSON values."""
        values = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        values["method"] = self.method.to_dict() if isinstance(self.method, Method) else self.method
        values["crop"] = self.crop if isinstance(self.crop, str) else dataclasses.asdict(self.crop)
        return {**values, "weights": dict(self.weights), "parts": None if self.parts is None else list(self.parts)}


class DomainAdapter:
    """A pretrained base with the models that guide its adaptation.

    Args:
        generator: the base; it is never changed.
        encoder: CLIP image encoder on the generator's device.
        text_encoder: of the same CLIP, for prompts; None where only pictures guide.
        inverter: W+ encoder of the base; losses that need one are left out where None.
        base: the base's name, and
        license: its license, for the metadata of domains.
        encoder_name: name or folder of the CLIP, for its vocabulary and its album of styles; both are left out where
            empty.
    """

    def __init__(
        self,
        generator: Generator,
        encoder: ImageEncoder,
        text_encoder: TextEncoder | None = None,
        inverter: Inverter | None = None,
        base: str = "",
        license: str = "",
        encoder_name: str = "",
    ) -> None:
        self.generator, self.encoder, self.text_encoder, self.inverter = generator, encoder, text_encoder, inverter
        self.base, self.license, self.encoder_name = base, license, encoder_name

    @classmethod
    def from_pretrained(
        cls, name: str | Path, encoder: str | None = None, device: torch.device | str | None = None
    ) -> "DomainAdapter":
        """Load a base with its CLIP and its W+ encoder.

        Args:
            name: of the library, a folder, or OWNER/NAME on the Hub.
            encoder: name or folder of the CLIP; the library's choice for this base where None.
            device: the GPU where there is one, where None.

        Raises:
            UserError: not there, cannot be fetched, or damaged.
        """
        name = str(name)
        device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        entry = catalog().find(name, BASE)
        encoder = encoder or (entry.encoder if entry else DEFAULT_ENCODER)
        generator = place(load_base(name), device)
        image_encoder, text_encoder = load_clip(encoder)
        inverter = load_inverter(name, lambda tower: image_encoder if tower == encoder else load_encoder(tower))
        if isinstance(inverter, Inverter):
            inverter.check(fingerprint(generator))
        return cls(
            generator,
            image_encoder.to(device),
            text_encoder.to(device),
            None if inverter is None else inverter.to(device),
            name,
            entry.licence if entry else "",
            encoder,
        )

    def adapt(
        self,
        image: Picture | Sequence[Picture] | None = None,
        prompt: str = "",
        *,
        on_event: Callable[[Event], object] | None = None,
        **settings: Any,
    ) -> AdaptationResult:
        """Adapt the base to one or several pictures of one style, to words, or to both.

        Args:
            image: the style; several pictures count as one domain together.
            prompt: the style in words, in place of pictures or beside them.
            on_event: gets every `Event`: stage, step, losses, seconds left, previews.
            settings: fields of `AdaptationSettings`.

        Raises:
            UserError: unusable pictures, words or settings, or the loss stopped being a number before any preview.
        """
        run = AdaptationSettings(**settings)
        method = run.customized(self.encoder_name)
        made = {"base": self.base, "encoder": self.encoder_name, "prompt": prompt, **run.to_dict()}
        if method.per_frame:
            guidance = self.guidance(image, prompt, run)
            stylize = functools.partial(
                stylize_frames, encoder=self.encoder, guidance=guidance, method=method, seed=run.seed
            )
            scene = functools.partial(FrameScene, stylize=stylize)
            return AdaptationResult(self.generator, lambda strength: scene, settings=made)
        domain, message = None, ""
        with contextlib.closing(self.stream(image, prompt, **settings)) as events:
            for event in events:
                domain, message = event.domain or domain, event.message or message
                if event.stage == FAILED and domain is None:
                    raise UserError(event.message)
                if on_event:
                    on_event(event)
        assert domain is not None  # the last event of a run holds one
        return dataclasses.replace(self.load_domain(domain), settings=made, message=message)

    def stream(
        self,
        image: Picture | Sequence[Picture] | None = None,
        prompt: str = "",
        *,
        resume: TrainingState | None = None,
        preview_latents: Tensor | None = None,
        stopping: abc.Callable[[], bool] | None = None,
        resumable: bool = True,
        **settings: Any,
    ) -> abc.Generator[Event, None, None]:
        """The events of an adaptation as they happen; closing the iterator stops the run.

        Args:
            image, prompt, settings: as for `adapt`.
            resume: state of an interrupted run with the same arguments, from one of its events.
            preview_latents: z [P, z] of the previews; a fixed choice where None.
            stopping: called after every step; the run ends with what was learned when it returns True.
            resumable: whether previews come with a state to resume from, which has to be copied from a GPU.

        Yields:
            Events of `adapter.adaptation.adapt`; previews come with the domain so far.

        Raises:
            UserError: as `adapt`; a method that paints every frame by itself has no events.
        """
        run = AdaptationSettings(**settings)
        method = run.customized(self.encoder_name)
        inverter = self.inverter if method.needs_inverter else None
        yield from adapt(
            self.generator,
            self.encoder,
            self.guidance(image, prompt, run),
            method,
            seed=run.seed,
            resume=resume,
            options=RunOptions(
                self.base, self.license, preview_latents, inverter, stopping=stopping, resumable=resumable
            ),
        )

    def load_domain(self, domain: Domain | str | os.PathLike) -> AdaptationResult:
        """A domain of this base, ready to be rendered.

        Args:
            domain: a domain, a file, OWNER/NAME on the Hub, or a name in the library.

        Raises:
            UserError: not there, damaged, or of another base.
        """
        if not isinstance(domain, Domain):
            domain = Domain.load(_domain_file(domain))
        domain.check(self.generator)
        domain = HubDomain(domain.weights, domain.metadata)

        def scene(strength: float) -> SceneFactory:
            return functools.partial(DomainScene, parts=domain.apply(self.generator, strength, checked=True))

        return AdaptationResult(self.generator, scene, domain, dict(domain.metadata.settings))

    def mesh(
        self, folder: str | Path, seed: int = 2, truncation: float = TRUNCATION_PSI, **settings: Any
    ) -> list[Path]:
        """Write a person of the base as source.glb and source.ply; see `AdaptationResult.mesh` for a domain's."""
        return write_meshes(folder, self.generator, None, seed, truncation, MeshSettings(**settings))

    def guidance(
        self,
        image: Picture | Sequence[Picture] | None = None,
        prompt: str = "",
        settings: AdaptationSettings | None = None,
    ) -> Guidance:
        """What guides an adaptation: the pictures, the words, and beside words alone the album's picture of the style.

        Raises:
            UserError: neither pictures nor words, an unreadable picture, or words that the CLIP does not understand.
        """
        settings = settings or AdaptationSettings()
        pictures = [read_reference(one, settings.crop, base=self.base) for one in _as_list(image)]
        prompt = prompt.strip()
        if settings.reference_from_text and prompt and not pictures:
            return Guidance(self.draw_reference(prompt, settings.reference_from_text, settings.seed), prompt=prompt)
        reading = self._read(prompt) if prompt else None
        if reading and not pictures and not settings.words_alone and self.encoder_name:
            from_album = album_picture(self.encoder_name, self.vocabulary, reading.style, self.base)
            pictures = [] if from_album is None else [from_album]
        side = max(REFERENCE_SIDE, self.generator.config.image_resolution)
        references = torch.cat([to_tensor(picture, side) for picture in pictures]) if pictures else None
        if reading is None or self.text_encoder is None:
            return Guidance(references)
        words = (reading.text, settings.source, settings.negative)
        guidance = text_guidance([self.text_encoder], *words, references, settings.from_mean)
        return dataclasses.replace(guidance, prompt=prompt)

    @torch.no_grad()
    def draw_reference(self, prompt: str, model: str | Path = DEFAULT_MODEL, seed: int = 0) -> Tensor:
        """A picture of the prompt [1, 3, S, S] in [-1, 1]: a diffusion model redraws a head of the base.

        Args:
            prompt: such as "a bronze statue, portrait".
            model: a Stable Diffusion pipeline, on the Hub or in a folder.
            seed: of the head and of the noise.

        Raises:
            UserError: no such model here, or a prompt that it cannot use.
        """
        pipeline = load_pipeline(model, self.generator.device)
        head = Identities.draw(self.generator, 1, seed, truncation=0.7)
        render = self.generator.synthesis(head.ws, camera(self.generator.config, 1, 0.0, 0.0).to(head.ws)).image
        return make_references(pipeline, render, prompt, ReferenceSettings(seed=seed))

    @functools.cached_property
    def vocabulary(self) -> Vocabulary | None:
        """The styles that the CLIP can read; None for a CLIP that reads everything."""
        if not self.encoder_name or self.text_encoder is None:
            return None
        return load_vocabulary(self.encoder_name, self.text_encoder)

    def _read(self, prompt: str) -> Understanding:
        if self.text_encoder is None:
            raise UserError("This adapter was made without a text encoder. Use a style image.")
        reading = understand(prompt, self.text_encoder, self.vocabulary)
        if not reading.known:
            raise UserError(reading.message)
        return reading


def _domain_file(name: str | os.PathLike) -> str | os.PathLike:
    """The file of a domain, fetched where it must be."""
    if Path(name).is_file():
        return name
    listed = catalog().find(str(name), DOMAIN)
    if listed is not None:
        return fetch_ready_domain(listed)
    return fetch_domain(str(name)) if str(name).count("/") == 1 else name


def _as_list(image: Picture | Sequence[Picture] | None) -> list[Picture]:
    if image is None:
        return []
    return [image] if isinstance(image, str | os.PathLike | bytes | Image.Image | np.ndarray) else list(image)

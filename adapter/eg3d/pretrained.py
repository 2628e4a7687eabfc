"""Loading and saving generators: by the name of an embedded base, from a folder, or from the Hub."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import ModelHubMixin, hf_hub_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
)

from adapter.eg3d.config import Eg3dConfig
from adapter.eg3d.generator import Generator
from adapter.errors import UserError
from adapter.utils.storage import read_json, read_tensors, write_json, write_tensors

CHECKPOINTS = Path(__file__).resolve().parents[2] / "checkpoints"
WEIGHTS, CONFIG = "model.safetensors", "config.json"
NOT_FOUND = (
    EntryNotFoundError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    OSError,
    ValueError,
)


class Eg3d(Generator, ModelHubMixin):
    """A generator that can be loaded and saved: ``Eg3d.from_pretrained("heads")``."""

    @classmethod
    def from_pretrained(cls, name: str | Path, **options: Any) -> "Eg3d":
        """Load a generator in evaluation mode, without gradients, in fp32.

        Args:
            name: an embedded base (a folder of ``checkpoints/``), any folder, or a Hub repository id.
            options: passed to huggingface_hub (``revision``, ``token``, ``cache_dir``, ``local_files_only``, ...).

        Raises:
            UserError: if nothing is found there, or the files are damaged or do not fit together.
        """
        embedded = CHECKPOINTS / str(name)
        folder = embedded if (embedded / CONFIG).is_file() else name
        try:
            return super().from_pretrained(str(folder), **options)
        except NOT_FOUND as error:
            raise UserError(
                f"No generator called '{name}' was found: it is neither an embedded base, a folder, nor a model on "
                "the Hub that can be reached from here."
            ) from error

    @classmethod
    def _from_pretrained(
        cls,
        *,
        model_id: str,
        revision: str | None,
        cache_dir: str | Path | None,
        force_download: bool,
        local_files_only: bool,
        token: str | bool | None,
        **_: Any,
    ) -> "Eg3d":
        folder = Path(model_id)
        if folder.is_dir():
            config, weights = folder / CONFIG, folder / WEIGHTS
        else:
            options = {
                "revision": revision,
                "cache_dir": cache_dir,
                "force_download": force_download,
                "local_files_only": local_files_only,
                "token": token,
            }
            config, weights = (Path(hf_hub_download(model_id, file, **options)) for file in (CONFIG, WEIGHTS))
        return cls._load(config, weights)

    @classmethod
    def _load(cls, config: Path, weights: Path) -> "Eg3d":
        with torch.device("meta"):
            generator = cls(Eg3dConfig.from_dict(read_json(config)))
        expected = {name: tuple(value.shape) for name, value in generator.state_dict().items()}
        tensors = read_tensors(weights, expected)
        generator.load_state_dict({name: value.float() for name, value in tensors.items()}, assign=True)
        return generator.eval().requires_grad_(False)

    def _save_pretrained(
        self, save_directory: Path, dtype: torch.dtype = torch.float32, notes: Mapping[str, str] | None = None
    ) -> None:
        tensors = {name: value.detach().to("cpu", dtype) for name, value in self.state_dict().items()}
        write_tensors(save_directory / WEIGHTS, tensors, {"format": "eg3d", **(notes or {})})
        write_json(save_directory / CONFIG, self.config.to_dict())

    def save_pretrained(
        self, save_directory: str | Path, *, half: bool = False, notes: Mapping[str, str] | None = None, **options: Any
    ) -> None:
        """Write ``model.safetensors`` and ``config.json`` into a folder.

        Args:
            half: store fp16.
            notes: texts kept in the weight file's metadata.
            options: ``push_to_hub=True`` and what `push_to_hub` takes.
        """
        folder = Path(save_directory)
        folder.mkdir(parents=True, exist_ok=True)
        self._save_pretrained(folder, torch.float16 if half else torch.float32, notes)
        if options.pop("push_to_hub", False):
            self.push_to_hub(**options)

"""Loading and saving generators: by the name of an embedded base, from a folder, or from the Hub."""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import ModelHubMixin, hf_hub_download
from huggingface_hub.errors import EntryNotFoundError
from torch import Tensor

from adapter.eg3d.config import Eg3dConfig
from adapter.eg3d.generator import Generator
from adapter.errors import UserError
from adapter.utils.paths import CHECKPOINTS
from adapter.utils.quantization import Shapes, dequantize, quantize, quantized_shapes
from adapter.utils.storage import read_json, read_tensors, write_json, write_tensors

WEIGHTS, FRONT, CONFIG = "model.safetensors", "front.safetensors", "config.json"
INT8 = "int8"
"""Value of the metadata's ``precision`` if a file is quantized."""
NOT_FOUND = (EntryNotFoundError, OSError, ValueError)
"""What huggingface_hub raises if a repository or file is missing, unreachable or has no valid name."""


class Eg3d(Generator, ModelHubMixin):
    """A generator that can be loaded and saved: ``Eg3d.from_pretrained("heads")``."""

    @classmethod
    def from_pretrained(cls, name: str | Path, **options: Any) -> "Eg3d":  # type: ignore[override]  # the base lists every option
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
        def path(file: str) -> Path:
            if Path(model_id).is_dir():
                return Path(model_id) / file
            found = hf_hub_download(
                model_id,
                file,
                revision=revision,
                cache_dir=cache_dir,
                force_download=force_download,
                local_files_only=local_files_only,
                token=token,
            )
            return Path(str(found))

        # Nothing is drawn or allocated on the meta device; the tensors of the file become the parameters.
        with torch.device("meta"):
            generator = cls(Eg3dConfig.from_dict(read_json(path(CONFIG))))
        tensors: dict[str, Tensor] = {}
        for file, shapes in _shapes_by_file(generator).items():
            stored = read_tensors(path(file), functools.partial(_stored_shapes, shapes))
            tensors |= dequantize(stored)
        generator.load_state_dict(tensors, assign=True)
        return generator.eval().requires_grad_(False)

    def save_pretrained(
        self,
        save_directory: str | Path,
        *,
        half: bool = False,
        int8: bool = False,
        notes: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        """Write ``model.safetensors`` and ``config.json`` into a folder, and ``front.safetensors`` if there is a front.

        Args:
            half: store fp16.
            int8: store large matrices in eight bits, the rest in fp16.
            notes: texts kept in the weight file's metadata.
            options: ``push_to_hub=True`` and what `push_to_hub` takes.
        """
        folder = Path(save_directory)
        folder.mkdir(parents=True, exist_ok=True)
        dtype = torch.float16 if half else torch.float32
        state = self.state_dict()
        for file, shapes in _shapes_by_file(self).items():
            tensors = {name: state[name].detach().to("cpu", dtype) for name in shapes}
            metadata = {"format": "eg3d", **(notes or {})}
            if int8:
                tensors, metadata["precision"] = quantize({name: state[name].cpu() for name in shapes}), INT8
            write_tensors(folder / file, tensors, metadata)
        write_json(folder / CONFIG, self.config.to_dict())
        if options.pop("push_to_hub", False):
            self.push_to_hub(**options)

    def _save_pretrained(self, save_directory: Path) -> None:
        """Called by `push_to_hub`."""
        self.save_pretrained(save_directory)


def _shapes_by_file(generator: Generator) -> dict[str, dict[str, tuple[int, ...]]]:
    """Names and shapes of the tensors in each weight file: the front's own are in a file of their own."""
    files: dict[str, dict[str, tuple[int, ...]]] = {WEIGHTS: {}}
    for name, value in generator.state_dict().items():
        file = FRONT if ".front." in name else WEIGHTS
        files.setdefault(file, {})[name] = tuple(value.shape)
    return files


def _stored_shapes(shapes: Shapes, metadata: dict[str, str]) -> Shapes:
    return quantized_shapes(shapes) if metadata.get("precision") == INT8 else shapes

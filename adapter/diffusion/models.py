"""Diffusion pipelines: whether one is available, and loading it without running a repository's code."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapter.errors import UserError

if TYPE_CHECKING:
    import torch

DEFAULT_MODEL = "stabilityai/sd-turbo"
"""A one-step model; any repository or folder of a Stable Diffusion pipeline with safetensors works."""
INDEX = "model_index.json"
TIMEOUT = 4.0


def available(model: str | Path = DEFAULT_MODEL) -> tuple[bool, str]:
    """Whether a pipeline can be loaded here, and if not, why, as a sentence for the user.

    Checks the folder, then the Hub's cache, then the Hub (a few seconds at most). Loads nothing.
    """
    if Path(model).is_dir():
        if (Path(model) / INDEX).is_file():
            return True, ""
        return False, f"The folder {Path(model).name} holds no diffusion pipeline: {INDEX} is missing."
    from huggingface_hub import HfApi, constants, try_to_load_from_cache
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

    try:
        if isinstance(try_to_load_from_cache(str(model), INDEX), str):
            return True, ""
        if constants.HF_HUB_OFFLINE:
            return False, f"{model} is not on this machine, and the app is offline. Use an image or a plain prompt."
        found = HfApi().model_info(str(model), timeout=TIMEOUT)
    except GatedRepoError:
        return False, f"{model} is gated. Accept its terms on the Hub and log in, or choose another model."
    except RepositoryNotFoundError:
        return False, f"There is no model {model} on the Hub that this app may see. Check the name."
    except (HfHubHTTPError, OSError, ValueError) as error:
        return False, f"{model} cannot be reached ({type(error).__name__}). Use an image or a plain prompt instead."
    except Exception as error:  # the Hub's client raises its transport's own exceptions
        if not type(error).__module__.startswith(("httpx", "httpcore", "requests", "urllib3")):
            raise
        return False, f"{model} cannot be reached ({type(error).__name__}). Use an image or a plain prompt instead."
    if INDEX not in {file.rfilename for file in found.siblings or ()}:
        return False, f"{model} is not a diffusers pipeline. Choose a model that lists {INDEX}."
    return True, ""


def load_pipeline(model: str | Path = DEFAULT_MODEL, device: "torch.device | str" = "cpu") -> Any:
    """Load an img2img pipeline, from safetensors only and without code of the repository's own.

    Args:
        model: Hub repository or folder.
        device: where it will run; half precision on a GPU.

    Returns:
        A diffusers img2img pipeline.

    Raises:
        UserError: not available (see `available`), no safetensors, damaged, or of an unsupported kind.
    """
    import torch  # the page asks whether a model is available before torch is loaded

    from adapter.utils.torchvision_compat import ensure_torchvision

    possible, reason = available(model)
    if not possible:
        raise UserError(reason)
    ensure_torchvision()
    from diffusers import AutoPipelineForImage2Image

    half = torch.device(device).type == "cuda"
    try:
        pipeline = AutoPipelineForImage2Image.from_pretrained(
            str(model), use_safetensors=True, dtype=torch.float16 if half else torch.float32
        )
    except (OSError, ValueError, KeyError, RuntimeError, AttributeError, TypeError) as error:
        raise UserError(
            f"{Path(model).name} could not be loaded as a pipeline of safetensors ({_first_line(error)}). "
            "Choose another model, or get a fresh copy."
        ) from error
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(device)


def check_prompt(pipeline: Any, prompt: str) -> None:
    """Refuse a prompt that the pipeline's text encoder would cut silently.

    Raises:
        UserError: empty, or too long.
    """
    if not prompt.strip():
        raise UserError("The text is empty. Describe the style in a few words, such as: a bronze statue.")
    limit = pipeline.tokenizer.model_max_length
    used = len(pipeline.tokenizer(prompt, truncation=False).input_ids)
    if used > limit:
        raise UserError(f"The text is {used - limit} tokens too long for this diffusion model. Shorten it.")


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:160] if lines else type(error).__name__

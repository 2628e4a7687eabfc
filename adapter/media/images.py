"""Pictures from strangers: read safely, turned upright, without transparency, as 8-bit RGB."""

import io
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from adapter.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

MAX_BYTES = 25 << 20
MAX_PIXELS = 40_000_000
# A JPEG is decoded at a fraction of its size; the other two decoders hold several copies of a picture.
MAX_PIXELS_OF = {"JPEG": 64_000_000, "WEBP": 16_000_000, "AVIF": 16_000_000}
MIN_SIDE = 32
MAX_SIDE = 8192
MOST_KEPT, MOST_KEPT_OF_OTHERS = 16_000_000, 4_000_000
"""Pixels that a plain picture keeps, and one of a format or a mode that takes more memory to decode. A phone's
photograph stays as it is, so that the square of a head is resampled once."""
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")


def load_image(source: str | os.PathLike | bytes) -> np.ndarray:
    """Read a picture of unknown origin.

    Turned upright by its EXIF orientation, laid on white where transparent; grey, palette, 16-bit and CMYK become
    8-bit RGB, colors of an embedded profile become sRGB, an animation gives its first frame. Size limits are checked on
    the header, before any pixel is decoded.

    Args:
        source: a path, or the bytes of the file.

    Returns:
        uint8 [H, W, 3] of at most `MOST_KEPT` pixels and sides of at most `MAX_SIDE`; larger pictures are scaled down.

    Raises:
        UserError: not a picture of a known format, damaged, truncated, too small or too large.
    """
    data = _read(source)
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise _too_many_pixels(MAX_PIXELS) from error
    except UnidentifiedImageError as error:
        if data[4:12] in _HEIC:
            raise UserError("This is a HEIC photo, which cannot be read here. Save it as a JPEG.") from error
        raise UserError("This file is not a picture that can be read here. Use a JPEG, PNG or WebP file.") from error
    except Exception as error:
        raise UserError(_DAMAGED) from error
    with image:
        _check_size(*image.size, MAX_PIXELS_OF.get(image.format or "", MAX_PIXELS))
        try:
            return _decode(image)
        except Exception as error:  # decoders of broken files raise nearly anything
            raise UserError(_DAMAGED) from error


def resize(image: np.ndarray, size: int) -> np.ndarray:
    """Scale a picture [H, W, 3] uint8 to [size, size, 3] with a Lanczos filter."""
    if image.shape[:2] == (size, size):
        return image
    return np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.LANCZOS))


def shrink(image: np.ndarray, side: int = 2048) -> np.ndarray:
    """Scale a picture down by a whole number until its sides are at most that long, for what needs no more detail."""
    step = math.ceil(max(image.shape[:2]) / side)
    return image if step == 1 else np.asarray(Image.fromarray(image).reduce(step))


def to_tensor(image: np.ndarray, size: int) -> "Tensor":
    """Turn a picture uint8 [H, W, 3] into a tensor float32 [1, 3, size, size] in [-1, 1]."""
    import torch  # the page reads pictures before torch is loaded

    pixels = torch.from_numpy(resize(image, size).astype(np.float32))
    return (pixels / 127.5 - 1).permute(2, 0, 1)[None]


def to_uint8(images: "Tensor") -> np.ndarray:
    """Turn images [N, 3, H, W] in [-1, 1] into uint8 [N, H, W, 3]; values outside are clipped."""
    import torch

    pixels = (images.detach().float() + 1) * 127.5
    return pixels.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


_FULL_SCALES = {"I;16": (65535,), "I;16L": (65535,), "I;16B": (65535,), "I": (255, 65535), "F": (1, 255)}
_HEIC = {b"ftyp" + brand for brand in (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"heim", b"heis")}
_DAMAGED = "This picture is damaged or incomplete. Save it again, or choose another one."
_STRIP = 256


def _read(source: str | os.PathLike | bytes) -> bytes:
    if isinstance(source, bytes):
        data = source
    else:
        try:
            with Path(source).open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise UserError(f"{Path(source).name} cannot be read. Check the name and try again.") from error
    if not data:
        raise UserError("This file is empty. Choose a picture.")
    if len(data) > MAX_BYTES:
        raise UserError("This file is larger than 25 MB. Choose a smaller picture.")
    return data


def _check_size(width: int, height: int, limit: int) -> None:
    if width * height > limit:
        raise _too_many_pixels(limit)
    if min(width, height) < MIN_SIDE:
        raise UserError(f"This picture is {width} x {height} pixels. It needs at least 32 pixels on each side.")


def _too_many_pixels(limit: int) -> UserError:
    return UserError(
        f"This picture has too many pixels. Scale it to at most {limit // 1_000_000} megapixels and try again."
    )


def _decode(image: Image.Image) -> np.ndarray:
    is_plain = image.mode in ("1", "L", "P", "RGB") and not image.has_transparency_data
    most = MOST_KEPT if is_plain and image.format not in ("WEBP", "AVIF") else MOST_KEPT_OF_OTHERS
    step = _reduction(image, most)
    image.draft("RGB", (image.width // step, image.height // step))  # a JPEG is decoded at a fraction of its size
    orientation, profile = image.getexif(), image.info.get("icc_profile")
    step = _reduction(image, most)
    if step > 1:
        reduced = _reduced(image, step)
        image.close()
        image = reduced
    image = _plain(image)
    if max(image.size) > MAX_SIDE:
        image.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    if profile:
        image = _to_srgb(image, profile)
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert("RGB")
    image.getexif().update(orientation)
    return np.array(ImageOps.exif_transpose(image))


def _reduction(image: Image.Image, most: int) -> int:
    """The whole number by which a picture is to be scaled down, so that so many pixels are left at most."""
    return math.ceil(math.sqrt(image.width * image.height / most))


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Convert an 8-bit picture's colors by its ICC profile; unchanged if the profile is broken or of another kind."""
    alpha = image.getchannel("A") if "A" in image.getbands() else None
    plain = image.convert("RGB") if image.mode == "RGBA" else image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if source.profile.xcolor_space.strip() == "GRAY":
            plain = plain.convert("L")
        converted = ImageCms.profileToProfile(plain, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image
    assert converted is not None  # only the in-place form returns nothing
    if alpha is not None:
        converted.putalpha(alpha)
    return converted


def _reduced(image: Image.Image, step: int) -> Image.Image:
    """Scale down by a whole number, strip by strip, so that there is never a second copy of the large picture."""
    image.load()
    width, height = image.size
    rows = step * max(1, _STRIP // step)
    strips = (image.crop((0, top, width, min(top + rows, height))) for top in range(0, height, rows))
    if image.mode in _FULL_SCALES:
        # A view would keep its whole strip.
        values = np.concatenate([np.asarray(strip)[::step, ::step].copy() for strip in strips])
        return Image.fromarray(_eight_bits(values, _FULL_SCALES[image.mode]))
    whole, top = None, 0
    for part in (_plain(strip).reduce(step) for strip in strips):
        whole = whole or Image.new(part.mode, (part.width, math.ceil(height / step)))
        whole.paste(part, (0, top))
        top += part.height
    assert whole is not None
    return whole


def _plain(image: Image.Image) -> Image.Image:
    """The same picture in a mode that can be scaled: wide, palette and one-bit types become 8-bit, LA becomes RGBA."""
    if image.mode in _FULL_SCALES:
        return Image.fromarray(_eight_bits(np.asarray(image), _FULL_SCALES[image.mode]))
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image.convert("RGB") if image.mode in ("1", "P", "PA") else image


def _eight_bits(values: np.ndarray, scales: tuple[int, ...]) -> np.ndarray:
    """Grey values of a wide type as uint8 [H, W], by the first full scale that holds them, else by their largest."""
    values = np.nan_to_num(values.astype(np.float32), posinf=0.0, neginf=0.0)
    full = next((scale for scale in scales if values.max() <= scale), values.max())
    return (values * (255 / full)).round().clip(0, 255).astype(np.uint8)

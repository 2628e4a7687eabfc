"""Pictures of every kind are read upright, on white, as 8-bit RGB; the rest is refused with a sentence."""

import contextlib
import io
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from adapter.errors import UserError
from adapter.media.images import MAX_SIDE, load_image, to_tensor, to_uint8


def encode(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def halves(mode: str, left, right, size=(64, 48)) -> Image.Image:
    image = Image.new(mode, size, left)
    image.paste(right, (size[0] // 2, 0, size[0], size[1]))
    return image


def sentence(data: bytes) -> str:
    with pytest.raises(UserError) as caught:
        load_image(data)
    text = str(caught.value)
    assert text[0].isupper()
    assert text.endswith(".")
    assert len(text) < 200
    return text


def test_path_and_bytes_give_the_same_pixels(tmp_path: Path):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    data = encode(Image.fromarray(pixels))
    path = tmp_path / "any.name"
    path.write_bytes(data)
    assert np.array_equal(load_image(data), pixels)
    assert np.array_equal(load_image(path), pixels)
    assert np.array_equal(load_image(str(path)), pixels)


def test_exif_rotation_is_applied():
    exif = Image.Exif()
    exif[274] = 6  # shown after a quarter turn clockwise: the stored left half becomes the top
    data = encode(halves("RGB", "red", "blue"), "JPEG", exif=exif, quality=95)
    image = load_image(data)
    assert image.shape == (64, 48, 3)
    assert image[10, 24, 0] > 200
    assert image[54, 24, 2] > 200


def test_exif_rotation_survives_scaling_and_transparency():
    exif = Image.Exif()
    exif[274] = 8  # a quarter turn anticlockwise: the stored right half becomes the top
    image = halves("RGBA", (255, 0, 0, 255), (0, 0, 0, 0), (5000, 4000))
    pixels = load_image(encode(image, "PNG", exif=exif))
    assert pixels.shape == (1667, 1334, 3)
    assert pixels[100, 600].tolist() == [255, 255, 255]
    assert pixels[-100, 600].tolist() == [255, 0, 0]


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_transparent_pixels_become_white(kind: str):
    image = halves("RGBA", (200, 0, 0, 255), (0, 0, 0, 0))
    pixels = load_image(encode(image, kind, lossless=True) if kind == "WEBP" else encode(image, kind))
    assert pixels[20, 10].tolist() == [200, 0, 0]
    assert pixels[20, 60].tolist() == [255, 255, 255]


def test_half_transparent_black_is_mid_grey():
    assert load_image(encode(Image.new("RGBA", (40, 40), (0, 0, 0, 128))))[0, 0].tolist() == [127, 127, 127]


def test_palette_with_transparency():
    image = halves("RGB", "red", "blue").convert("P", palette=Image.Palette.ADAPTIVE)
    transparent = image.getpixel((60, 10))
    pixels = load_image(encode(image, "PNG", transparency=transparent))
    assert pixels[10, 5].tolist() == [255, 0, 0]
    assert pixels[10, 60].tolist() == [255, 255, 255]


def test_grey_one_bit_and_grey_with_alpha():
    assert load_image(encode(Image.new("L", (40, 40), 77)))[3, 3].tolist() == [77, 77, 77]
    assert load_image(encode(Image.new("1", (40, 40), 1)))[3, 3].tolist() == [255, 255, 255]
    assert load_image(encode(Image.new("LA", (40, 40), (0, 0))))[3, 3].tolist() == [255, 255, 255]


def test_sixteen_bit_grey_keeps_its_scale():
    values = np.full((40, 40), 200, np.uint16)  # nearly black: must not be taken for an 8-bit 200
    values[:, 20:] = 65535
    for kind in ("PNG", "TIFF"):
        pixels = load_image(encode(Image.fromarray(values), kind))
        assert pixels[0, 0].tolist() == [1, 1, 1]
        assert pixels[0, 30].tolist() == [255, 255, 255]


@pytest.mark.parametrize("full", [1.0, 255.0, 3000.0])
def test_float_pictures_are_scaled(full: float):
    values = np.zeros((40, 40), np.float32)
    values[:, 20:] = full
    values[0, 0] = np.nan
    pixels = load_image(encode(Image.fromarray(values), "TIFF"))
    assert pixels[5, 5].tolist() == [0, 0, 0]
    assert pixels[5, 30].tolist() == [255, 255, 255]
    assert pixels[0, 0].tolist() == [0, 0, 0]


def test_sixteen_bit_colour_png():
    row = b"\0" + struct.pack(">HHH", 65535, 0, 32896) * 40
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 40, 40, 16, 2, 0, 0, 0)), (b"IDAT", zlib.compress(row * 40))]
    assert load_image(png(chunks))[7, 7].tolist() == [255, 0, 128]


def test_photographs_of_several_pictures_give_the_first():
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    pixels = load_image(encode(frames[0], "MPO", save_all=True, append_images=frames[1:]))
    assert pixels[9, 9, 0] > 240
    assert pixels[9, 9, 2] < 15


def png(chunks: list[tuple[bytes, bytes]]) -> bytes:
    parts = [b"\x89PNG\r\n\x1a\n"]
    for name, body in [*chunks, (b"IEND", b"")]:
        parts.append(struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)))
    return b"".join(parts)


def test_cmyk_becomes_rgb():
    pixels = load_image(encode(Image.new("CMYK", (40, 40), (0, 255, 255, 0)), "JPEG", quality=95))
    assert pixels[10, 10, 0] > 230
    assert pixels[10, 10, 1:].max() < 60


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_an_animation_gives_its_first_frame(kind: str):
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "lime", "blue")]
    pixels = load_image(encode(frames[0], kind, save_all=True, append_images=frames[1:], duration=100))
    assert pixels[9, 9, 0] > 240
    assert pixels[9, 9, 1:].max() < 15


def test_large_pictures_are_scaled_down():
    assert load_image(encode(Image.new("L", (16_400, 100)))).shape == (50, MAX_SIDE, 3)
    assert load_image(encode(Image.new("L", (8000, 4000)), "JPEG")).shape == (2000, 4000, 3)
    pixels = load_image(encode(halves("P", 0, 255, (4200, 4200)), "GIF"))
    assert pixels.shape == (2100, 2100, 3)


def test_a_photograph_of_twelve_megapixels_keeps_its_pixels():
    stripes = np.zeros((3024, 4032, 3), np.uint8)
    stripes[:, ::2] = 255
    assert np.array_equal(load_image(encode(Image.fromarray(stripes))), stripes)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_truncated_and_scrambled_files_are_refused(kind: str):
    noise = np.random.default_rng(1).integers(0, 256, (90, 90, 3), dtype=np.uint8)
    data = encode(Image.fromarray(noise), kind)
    for length in (4, 40, len(data) // 2, len(data) - len(data) // 8):
        sentence(data[:length])


def test_flipped_bytes_never_escape_as_other_errors():
    rng = np.random.default_rng(2)
    noise = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"):
        data = np.frombuffer(encode(Image.fromarray(noise), kind), np.uint8)
        for _ in range(12):
            broken = data.copy()
            where = rng.integers(0, min(len(data), 400), 6)
            broken[where] = rng.integers(0, 256, 6, dtype=np.uint8)
            with contextlib.suppress(UserError):
                assert load_image(broken.tobytes()).dtype == np.uint8


def test_small_empty_and_missing_files_are_refused(tmp_path: Path):
    assert "31 x 400" in sentence(encode(Image.new("RGB", (31, 400))))
    sentence(encode(Image.new("RGB", (1, 1))))
    sentence(b"")
    with pytest.raises(UserError, match=r"none\.png cannot be read"):
        load_image(tmp_path / "none.png")
    with pytest.raises(UserError, match="cannot be read"):
        load_image(tmp_path)


def test_too_many_bytes_are_refused_unread(tmp_path: Path):
    path = tmp_path / "huge.png"
    with path.open("wb") as file:
        file.truncate(20 << 30)  # sparse: reading it whole would not fit into memory
    with pytest.raises(UserError, match="25 MB"):
        load_image(path)
    assert "25 MB" in sentence(encode(Image.new("RGB", (40, 40))) + bytes(25 << 20))


@pytest.mark.parametrize("side", [6400, 30_000, 500_000_000])
def test_too_many_pixels_are_refused_by_the_header(side: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("adapter.media.images._decode", lambda image: pytest.fail("pixels were decoded"))
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    text = sentence(png([(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000)))]))
    assert "megapixels" in text


def test_a_compressed_bomb_in_metadata_is_refused_or_ignored():
    bomb = b"icc\0\0" + zlib.compress(bytes(64 << 20), 9)
    header = struct.pack(">IIBBBBB", 40, 40, 8, 0, 0, 0, 0)
    data = png([(b"IHDR", header), (b"iCCP", bomb), (b"IDAT", zlib.compress(bytes(41 * 40)))])
    with contextlib.suppress(UserError):
        assert load_image(data).shape == (40, 40, 3)


@pytest.mark.parametrize(
    "data",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg' width='99' height='99'><rect width='99' height='99'/></svg>",
        b"MZ\x90\x00" + bytes(4000),
        b"\x7fELF" + bytes(4000),
        b"<!doctype html><html><body>not a picture</body></html>",
        b"%PDF-1.7\n" + bytes(4000),
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n",
        b"\x80\x04\x95" + bytes(4000),
    ],
    ids=["svg", "exe", "elf", "html", "pdf", "eps", "pickle"],
)
def test_other_files_renamed_to_png_are_refused(data: bytes, tmp_path: Path):
    path = tmp_path / "picture.png"
    path.write_bytes(data)
    with pytest.raises(UserError, match="JPEG, PNG or WebP"):
        load_image(path)


def test_a_zip_archive_is_refused():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("picture.png", encode(Image.new("RGB", (40, 40))))
    assert "JPEG, PNG or WebP" in sentence(buffer.getvalue())


def test_tensors_and_pictures_convert_both_ways():
    pixels = np.random.default_rng(3).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    tensor = to_tensor(pixels, 16)
    assert tensor.shape == (1, 3, 16, 16)
    assert tensor.min() >= -1
    assert tensor.max() <= 1
    assert np.array_equal(to_uint8(tensor)[0], pixels)
    assert to_tensor(np.full((50, 50, 3), 255, np.uint8), 8).eq(1).all()
    assert to_uint8(to_tensor(pixels, 16) * 3).max() == 255


def test_colors_of_a_profile_become_srgb():
    """sRGB's pure red, written in Display P3, where it is less than pure."""
    path = Path(__file__).parents[1] / "data" / "srgb-red-in-display-p3.png"
    assert np.abs(load_image(path).astype(int) - (255, 0, 0)).max() <= 4
    assert np.abs(np.asarray(Image.open(path).convert("RGB")).astype(int) - (255, 0, 0)).max() > 20


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
def test_an_srgb_profile_changes_nothing(mode: str):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = Image.effect_noise((48, 48), 80).convert(mode)
    difference = load_image(encode(picture, icc_profile=profile)).astype(int) - load_image(encode(picture))
    assert np.abs(difference).max() <= 1


def test_a_broken_profile_is_left_alone():
    picture = Image.effect_noise((48, 48), 80).convert("RGB")
    assert np.array_equal(load_image(encode(picture, icc_profile=b"no profile")), load_image(encode(picture)))


def test_a_photo_that_cannot_be_read_is_named():
    assert "HEIC" in sentence(b"\0\0\0\x18ftypheic" + bytes(100))

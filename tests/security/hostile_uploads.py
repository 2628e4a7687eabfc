"""What strangers upload: files that must be refused with a sentence, and odd pictures that must work."""

import gzip
import io
import pickle
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image

MEGA = 1 << 20


def noise(width: int = 90, height: int = 70) -> Image.Image:
    return Image.fromarray(np.random.default_rng(5).integers(0, 256, (height, width, 3), dtype=np.uint8))


def halves(mode: str, left, right, size: tuple[int, int] = (64, 48)) -> Image.Image:
    image = Image.new(mode, size, left)
    image.paste(right, (size[0] // 2, 0, size[0], size[1]))
    return image


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    parts = [b"\x89PNG\r\n\x1a\n"]
    for name, body in [*chunks, (b"IEND", b"")]:
        parts.append(struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)))
    return b"".join(parts)


def header(width: int, height: int, bits: int = 8, colour: int = 2) -> tuple[bytes, bytes]:
    return b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)


def zeros(size: int) -> bytes:
    """Deflated zeros, never held whole."""
    packer, parts = zlib.compressobj(9), []
    for _ in range(size // MEGA):
        parts.append(packer.compress(bytes(MEGA)))
    return b"".join([*parts, packer.flush()])


def patched(data: bytes, where: int, value: bytes) -> bytes:
    return data[:where] + value + data[where + len(value) :]


def half(kind: str) -> bytes:
    data = encoded(noise(), kind)
    return data[: len(data) // 2]


def large_jpeg() -> bytes:
    data = encoded(noise(), "JPEG")
    where = data.index(b"\xff\xc0") + 5
    return patched(data, where, struct.pack(">HH", 30_000, 30_000))


def large_tiff() -> bytes:
    entries = [(256, 4, 1, 30_000), (257, 4, 1, 30_000), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    entries += [(273, 4, 1, 200), (277, 3, 1, 1), (278, 4, 1, 30_000), (279, 4, 1, 900_000_000)]
    body = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + bytes(500)


def circular_tiff() -> bytes:
    data = encoded(noise(), "TIFF")
    start = struct.unpack("<I", data[4:8])[0]
    count = struct.unpack("<H", data[start : start + 2])[0]
    return patched(data, start + 2 + 12 * count, struct.pack("<I", start))[: start + 40]


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("picture.png", encoded(noise()))
    return buffer.getvalue()


def zip_bomb() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file, file.open("picture.png", "w") as inside:
        for _ in range(500):
            inside.write(bytes(MEGA))
    return buffer.getvalue()


def tape() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as file:
        info = tarfile.TarInfo("../../etc/passwd")
        info.size = 4
        file.addfile(info, io.BytesIO(b"root"))
    return buffer.getvalue()


def scrambled_png() -> bytes:
    data = bytearray(encoded(noise()))
    data[-40] ^= 0xFF
    return bytes(data)


SVG = b"<svg xmlns='http://www.w3.org/2000/svg' width='300' height='300'>%s</svg>"
ROW_OF_GREY = zlib.compress(bytes(41 * 40))

BAD: dict[str, Callable[[], bytes]] = {
    "empty.png": lambda: b"",
    "one-byte.jpg": lambda: b"\xff",
    "only-the-start.jpg": lambda: b"\xff\xd8\xff\xe0",
    "half.jpg": lambda: half("JPEG"),
    "half.png": lambda: half("PNG"),
    "half.webp": lambda: half("WEBP"),
    "half.gif": lambda: half("GIF"),
    "half.bmp": lambda: half("BMP"),
    "half.tiff": lambda: half("TIFF"),
    "half.avif": lambda: half("AVIF"),
    "one-pixel.png": lambda: encoded(Image.new("RGB", (1, 1))),
    "one-pixel.gif": lambda: encoded(Image.new("P", (1, 1)), "GIF"),
    "thin.png": lambda: encoded(Image.new("RGB", (31, 400))),
    "line.png": lambda: encoded(Image.new("L", (20_000, 1))),
    "no-pixels.png": lambda: png(header(0, 0), (b"IDAT", ROW_OF_GREY)),
    "900-megapixels.png": lambda: png(header(30_000, 30_000), (b"IDAT", zeros(MEGA))),
    "900-megapixels.jpg": large_jpeg,
    "900-megapixels.gif": lambda: patched(encoded(noise(), "GIF"), 6, struct.pack("<HH", 30_000, 30_000)),
    "900-megapixels.bmp": lambda: patched(encoded(noise(), "BMP"), 18, struct.pack("<ii", 30_000, 30_000)),
    "900-megapixels.tiff": large_tiff,
    "256-megapixels.webp": lambda: patched(encoded(noise(), "WEBP"), 26, struct.pack("<HH", 16_383, 16_383)),
    "40-megapixels.webp": lambda: encoded(Image.new("L", (6_320, 6_320)), "WEBP", method=0),
    "absurd.png": lambda: png(header(2**31 - 1, 2**31 - 1), (b"IDAT", ROW_OF_GREY)),
    "bomb-in-the-pixels.png": lambda: png(header(6_400, 6_400), (b"IDAT", zeros(128 * MEGA))),
    "no-data.png": lambda: png(header(40, 40, 8, 0)),
    "scrambled.png": scrambled_png,
    "bomb-in-the-text.png": lambda: png(
        header(40, 40, 8, 0), (b"zTXt", b"note\0\0" + zeros(256 * MEGA)), (b"IDAT", ROW_OF_GREY)
    ),
    "circular.tiff": circular_tiff,
    "drawing.svg": lambda: SVG % b"<rect width='300' height='300'/>",
    "script.svg": lambda: SVG % b"<script>alert(1)</script>",
    "drawing-renamed.png": lambda: SVG % b"<image href='file:///etc/passwd'/>",
    "drawing.svgz": lambda: gzip.compress(SVG % b""),
    "program.exe": lambda: b"MZ\x90\x00" + bytes(9_000),
    "program-renamed.jpg": lambda: b"MZ\x90\x00\x03\x00\x00\x00" + bytes(9_000),
    "linux-program.png": lambda: b"\x7fELF\x02\x01\x01" + bytes(9_000),
    "script.png": lambda: b"#!/bin/sh\nrm -rf /\n" * 9,
    "page.jpg": lambda: b"<!doctype html><html><script>alert(1)</script></html>",
    "paper.png": lambda: b"%PDF-1.7\n" + bytes(9_000),
    "postscript.png": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n%%EOF\n",
    "archive.png": archive,
    "zip-bomb.png": zip_bomb,
    "gzip-bomb.jpg": lambda: gzip.compress(bytes(64 * MEGA)),
    "tape.png": tape,
    "pickle.png": lambda: pickle.dumps({"a": [1, 2, 3]}),
    "weights.png": lambda: struct.pack("<Q", 2) + b"{}",
    "film.jpg": lambda: b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + bytes(9_000),
    "phone.heic": lambda: b"\0\0\0\x18ftypheic\0\0\0\0heicmif1" + bytes(9_000),
    "scan.jp2": lambda: b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(9_000),
    "layers.psd": lambda: b"8BPS\0\1" + bytes(9_000),
    "icon.ico": lambda: encoded(noise(), "ICO", sizes=[(64, 64)]),
    "plain.ppm": lambda: b"P6 9000 9000 255\n" + bytes(9_000),
    "words.txt": lambda: "Ein Bild von Dürer, bitte.".encode(),
    "zeros.png": lambda: bytes(5 * MEGA),
    "random.jpg": lambda: np.random.default_rng(0).bytes(5 * MEGA),
    "too-many-bytes.png": lambda: encoded(noise()) + bytes(26 * MEGA),
    "../../../../etc/nothing.png".replace("/", "\u2215"): lambda: b"\0",
}


def rotated(orientation: int) -> bytes:
    """A picture whose upper half is red and lower half is blue once it is turned upright."""
    turn = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    upright = Image.new("RGB", (64, 80), "red")
    upright.paste((0, 0, 255), (0, 40, 64, 80))
    exif = Image.Exif()
    exif[274] = orientation
    return encoded(upright if turn is None else upright.transpose(turn), "JPEG", exif=exif, quality=95)


def moving(kind: str) -> bytes:
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "lime", "blue")]
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=90)


def sixteen_bit_colour() -> bytes:
    row = b"\0" + struct.pack(">HHH", 65_535, 0, 0) * 40
    return png(header(40, 40, 16), (b"IDAT", zlib.compress(row * 40)))


RED = (255, 0, 0)
HUGE = (6_320, 6_320)
ODD: dict[str, tuple[Callable[[], bytes], tuple[int, int, int]]] = {
    **{f"turned-{number}.jpg": (lambda number=number: rotated(number), RED) for number in range(1, 9)},
    "transparent.png": (lambda: encoded(halves("RGBA", (9, 9, 9, 0), RED)), (255, 255, 255)),
    "transparent.webp": (lambda: encoded(halves("RGBA", (9, 9, 9, 0), RED), "WEBP", lossless=True), (255, 255, 255)),
    "transparent-palette.png": (
        lambda: encoded(Image.new("P", (40, 40), 0), transparency=0),
        (255, 255, 255),
    ),
    "transparent-grey.png": (lambda: encoded(Image.new("LA", (40, 40), (0, 0))), (255, 255, 255)),
    "cmyk.jpg": (lambda: encoded(Image.new("CMYK", (40, 40), (0, 255, 255, 0)), "JPEG", quality=98), RED),
    "cmyk.tiff": (lambda: encoded(Image.new("CMYK", (40, 40), (0, 255, 255, 0)), "TIFF"), RED),
    "sixteen-bit.png": (
        lambda: encoded(Image.fromarray(np.full((40, 40), 65_535, np.uint16))),
        (255, 255, 255),
    ),
    "sixteen-bit-colour.png": (sixteen_bit_colour, RED),
    "float.tiff": (lambda: encoded(Image.fromarray(np.ones((40, 40), np.float32)), "TIFF"), (255, 255, 255)),
    "one-bit.png": (lambda: encoded(Image.new("1", (40, 40), 1)), (255, 255, 255)),
    "moving.gif": (lambda: moving("GIF"), RED),
    "moving.png": (lambda: moving("PNG"), RED),
    "moving.webp": (lambda: moving("WEBP"), RED),
    "progressive.jpg": (lambda: encoded(Image.new("RGB", (90, 90), RED), "JPEG", progressive=True), RED),
    "really-a-jpeg.png": (lambda: encoded(Image.new("RGB", (90, 90), RED), "JPEG"), RED),
    "really-a-png.jpg": (lambda: encoded(Image.new("RGB", (90, 90), RED)), RED),
    "no-extension": (lambda: encoded(Image.new("RGB", (90, 90), RED), "BMP"), RED),
    "Bär 熊 ☃.png": (lambda: encoded(Image.new("RGB", (90, 90), RED)), RED),
    "two-pictures.jpg": (
        lambda: encoded(Image.new("RGB", (40, 40), RED), "MPO", save_all=True, append_images=[noise(40, 40)]),
        RED,
    ),
    "40-megapixels.jpg": (lambda: encoded(Image.new("RGB", HUGE, RED), "JPEG", quality=50), RED),
    "40-megapixels.png": (lambda: encoded(Image.new("RGB", HUGE, RED), compress_level=1), RED),
    "40-megapixels-transparent.png": (
        lambda: encoded(Image.new("RGBA", HUGE, (9, 9, 9, 0)), compress_level=1),
        (255, 255, 255),
    ),
    "40-megapixels.gif": (lambda: encoded(Image.new("P", HUGE, 0), "GIF"), (0, 0, 0)),
    "40-megapixels-of-16-bit.png": (
        lambda: encoded(Image.fromarray(np.full(HUGE, 65_535, np.uint16)), compress_level=1),
        (255, 255, 255),
    ),
    "16-megapixels.webp": (lambda: encoded(Image.new("RGB", (4_000, 4_000), RED), "WEBP", method=0), RED),
    "16-megapixels.avif": (lambda: encoded(Image.new("RGB", (4_000, 4_000), RED), "AVIF", speed=10), RED),
    "40-megapixels-of-floats.tiff": (
        lambda: encoded(Image.fromarray(np.ones(HUGE, np.float32)), "TIFF", compression="tiff_deflate"),
        (255, 255, 255),
    ),
}

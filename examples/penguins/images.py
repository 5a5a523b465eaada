"""Draws small PNG images from a seed: the same bytes on every machine.

The pixels go into a stored, that is uncompressed, deflate block written by hand, because what a
compressor makes of them depends on its version.
"""

import struct
import zlib
from pathlib import Path
from random import Random

SIDE_PIXELS = 24


def draw(rng: Random) -> bytes:
    """Return one PNG: a few discs of random colours on a plain ground."""
    ground = bytes(rng.randrange(256) for _ in range(3))
    discs = [
        (
            rng.randrange(SIDE_PIXELS),
            rng.randrange(SIDE_PIXELS),
            rng.randint(2, 9),
            rng.randbytes(3),
        )
        for _ in range(4)
    ]
    rows = []
    for y in range(SIDE_PIXELS):
        row = bytearray(b"\0")  # filter: none
        for x in range(SIDE_PIXELS):
            colour = ground
            for cx, cy, radius, own in discs:
                if (x - cx) ** 2 + (y - cy) ** 2 <= radius**2:
                    colour = own
            row += colour
        rows.append(bytes(row))
    return png(SIDE_PIXELS, SIDE_PIXELS, b"".join(rows))


def png(width: int, height: int, scanlines: bytes) -> bytes:
    """Wrap 8-bit RGB *scanlines*, each with its filter byte, in a PNG; at most 65,535 bytes."""
    size = len(scanlines)
    stored = b"\x01" + struct.pack("<HH", size, size ^ 0xFFFF) + scanlines
    data = b"\x78\x01" + stored + struct.pack(">I", zlib.adler32(scanlines))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def fill(directory: Path, how_many: int, seed: int) -> None:
    """Write *how_many* images, named by number, in folders of a hundred."""
    for number in range(how_many):
        path = directory / f"{number // 100}" / f"{number:04d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(draw(Random(f"{seed}:{number}")))

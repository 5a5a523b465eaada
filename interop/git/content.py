"""Contents of files by random numbers: tables, prose, images, bytes; and edits of them.

Every line has a word of its own, so that no two files are alike by half and git's search for
inexact renames, which we don't have, finds none.
"""

import random
import struct
import zlib
from collections.abc import Callable

ODD_NAMES = (
    "with space.txt", " leading", "trailing ", "-dash", "quote\".csv", "line\nbreak", "tab\there",
    "back\\slash", "ünïcödé", "e\u0301.txt", "数据.csv", "🦜", ".hidden", "con", "a" * 255, "%41",
    "semi;colon", "$HOME", "*", "[x]", "!important", "#hash", "~", "@", "HEAD", "café",
)  # fmt: skip
ODD_BYTES = (b"latin-\xe9.csv", b"\xff\xfe", b"\x80" * 9, b"\x01control")


def table(rng: random.Random) -> bytes:
    """A CSV of 3 to 40 rows."""
    rows = [f"{n},{word(rng)},{rng.randrange(10_000) / 100}" for n in range(rng.randint(3, 40))]
    return ("\n".join([f"id,{word(rng)},mass", *rows]) + "\n").encode()


def prose(rng: random.Random) -> bytes:
    """Lines of words, some blank between; now and then CR LF, or no last line end."""
    lines = [
        "" if rng.random() < 0.15 else " ".join(word(rng) for _ in range(rng.randint(1, 6)))
        for _ in range(rng.randint(1, 60))
    ]
    end = "\r\n" if rng.random() < 0.1 else "\n"
    return (end.join(lines) + (end if rng.random() < 0.9 else "")).encode()


def image(rng: random.Random) -> bytes:
    """A PNG of random pixels."""
    side = rng.randint(1, 24)
    rows = b"".join(b"\0" + rng.randbytes(side) for _ in range(side))

    def chunk(kind: bytes, data: bytes) -> bytes:
        sum_ = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", sum_)

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def binary(rng: random.Random) -> bytes:
    """Random bytes with a NUL at the start, so that nobody takes them for text."""
    return b"\0" + rng.randbytes(rng.choice((1, 30, 400, 5000)))


KINDS: tuple[Callable[[random.Random], bytes], ...] = (table, prose, image, binary)


def any_content(rng: random.Random) -> bytes:
    """Content of any kind."""
    return rng.choice(KINDS)(rng)


def edited(rng: random.Random, data: bytes) -> bytes:
    """*data* with one to three lines changed, come or gone; bytes are made anew."""
    if b"\0" in data[:8000] or not data:
        return binary(rng)
    end = b"\r\n" if b"\r\n" in data else b"\n"
    lines = data.splitlines(keepends=True)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(lines)) if lines else 0
        fresh = f"{word(rng)},{word(rng)}".encode() + end
        fate = rng.random()
        if fate < 0.6 and lines:
            lines[at] = fresh
        elif fate < 0.8 or len(lines) < 3:
            lines.insert(at, fresh)
        else:
            del lines[at]
    return b"".join(lines)


def word(rng: random.Random) -> str:
    """A word that stands nowhere else."""
    return "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(6, 12)))

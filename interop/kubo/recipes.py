"""Recipes for files and directories, from a seed: each fills an empty directory it is handed.

Contents come from the random numbers given, so another seed makes other bytes and other CIDs;
sizes and names that a rule is about are fixed. Names are bytes, as they are for a file system.
"""

import os
import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random
from typing import TypeAlias

Recipe: TypeAlias = Callable[[Path, Random], None]

KIB = 1024
CHUNK = 256 * KIB  # Kubo's default chunk


def write(root: Path, name: str | bytes, data: bytes) -> Path:
    """Write one file below *root*, making its directories."""
    path = Path(os.fsdecode(os.path.join(os.fsencode(root), os.fsencode(name))))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def sizes(*counts: int) -> Recipe:
    """Make one file of each size, in bytes."""

    def fill(root: Path, rng: Random) -> None:
        for count in counts:
            write(root, f"{count:012d}.bin", rng.randbytes(count))

    return fill


def around(*counts: int) -> Recipe:
    """Make files of one byte less than each count, of the count, and of one byte more."""
    return sizes(*sorted({n + d for n in counts for d in (-1, 0, 1) if n + d >= 0}))


def random_sizes(how_many: int, largest: int) -> Recipe:
    """Make files of random sizes up to *largest* bytes."""

    def fill(root: Path, rng: Random) -> None:
        for number in range(how_many):
            write(root, f"f{number}", rng.randbytes(rng.randint(0, largest)))

    return fill


def zeros(count: int) -> Recipe:
    """Make one file of *count* zero bytes: every chunk is the same block."""
    return lambda root, rng: void(write(root, "zeros", bytes(count)))


def void(_: object) -> None:
    """Drop a value where a recipe, which returns nothing, is one expression."""


def flat(names: Iterable[str | bytes]) -> Recipe:
    """Make a directory of the given names, each with a few random bytes."""
    kept = list(names)

    def fill(root: Path, rng: Random) -> None:
        for name in kept:
            write(root, name, rng.randbytes(rng.randint(0, 40)))

    return fill


def numbered(how_many: int, name: str = "file-{:05d}", empty: bool = False) -> Recipe:
    """Make *how_many* small files in one directory; *empty* ones all are the same block."""

    def fill(root: Path, rng: Random) -> None:
        for number in range(how_many):
            write(root, name.format(number), b"" if empty else rng.randbytes(rng.randint(1, 32)))

    return fill


def summing(width: int, how_many: int, lasts: Iterable[int]) -> Recipe:
    """Make sibling directories of *how_many* empty files with names of *width* bytes, plus one.

    The one more has a name of each length in *lasts*, so that the siblings step over a size limit
    byte by byte.
    """
    kept = list(lasts)

    def fill(root: Path, rng: Random) -> None:
        salt = f"{rng.randrange(10**6):06d}"
        for last in kept:
            for number in range(how_many):
                write(root, f"{last:03d}/" + f"{salt}{number}".rjust(width, "n"), b"")
            write(root, f"{last:03d}/" + "z" * last, b"")

    return fill


ODD_NAMES: tuple[str | bytes, ...] = (
    "with space",
    " leading and trailing ",
    "trailing dot.",
    "...",
    "-n",
    "--help",
    "~",
    "$HOME",
    "a'b",
    'a"b',
    "a`b",
    "back\\slash",
    "new\nline",
    "carriage\rreturn",
    "tab\there",
    "bell\x07",
    "del\x7f",
    "star*",
    "question?",
    "hash#",
    "percent%2Fslash",
    "colon:",
    "pipe|amp&semi;",
    "caf\u00e9",  # NFC
    "cafe\u0301",  # NFD: another name, though it looks the same
    "\u1e9b\u0323",
    "\u4f60\u597d",
    "\U0001f95f",
    "\u202eright to left",
    "zero\u200bwidth",
    "UPPER",
    "upper",
    "CON",
    "0",
    "Links",
    b"\xff\xfe",
    b"latin-\xe9",
    b"cut-\xe2\x82",
    b"overlong-\xc0\xaf",
    b"surrogate-\xed\xa0\x80",
    "x" * 255,
    "\u00e9" * 127,
)


def odd_names(root: Path, rng: Random) -> None:
    flat(ODD_NAMES)(root, rng)


def odd_directories(root: Path, rng: Random) -> None:
    for name in ODD_NAMES:
        write(root, os.fsencode(name) + b"/" + os.fsencode(name), rng.randbytes(5))


def symlinks(root: Path, rng: Random) -> None:
    write(root, "dir/file", rng.randbytes(100))
    for name, target in {
        "to-file": b"dir/file",
        "to-dir": b"dir",
        "to-self": b"to-self",
        "up": b"../..",
        "absolute": b"/etc/passwd",
        "dangling": b"no/such/thing",
        "not-utf8": b"\xff/\xfe",
        "long": b"x" * 1000,
        "dir/inside": b"../dir/./file",
    }.items():
        os.symlink(target, os.fsencode(root) + b"/" + os.fsencode(name))


def good_symlinks(root: Path, rng: Random) -> None:
    """Links that all lead somewhere, for the options that follow them."""
    write(root, "dir/file", rng.randbytes(100))
    (root / "to-file").symlink_to("dir/file")
    (root / "to-dir").symlink_to("dir")
    (root / "to-link").symlink_to("to-file")


def hidden(root: Path, rng: Random) -> None:
    for name in (
        ".hidden",
        "seen",
        ".dir/seen",
        "dir/.hidden",
        "dir/seen",
        "..double",
        ".dir/.x/y",
    ):
        write(root, name, rng.randbytes(9))


def empty_directories(root: Path, rng: Random) -> None:
    write(root, "kept/file", rng.randbytes(3))
    for name in ("a", "b/c", "b/d", "kept/empty"):
        (root / name).mkdir(parents=True)


def empty(root: Path, rng: Random) -> None:
    """Nothing at all."""


def ignorable(root: Path, rng: Random) -> None:
    for name in ("a.txt", "a.log", "build/x", "build/keep", "sub/a.log", "sub/b.txt", "docs/x.md"):
        write(root, name, rng.randbytes(7))
    write(root, "rules", b"# a comment\n*.log\nbuild/\n!build/keep\n/docs/*.md\n\n")


def dated(root: Path, rng: Random) -> None:
    """Files, a directory and a symlink with modes and times of every kind."""
    for number, mode in enumerate((0o644, 0o600, 0o755, 0o777, 0o444, 0o1644, 0o4755, 0o640)):
        path = write(root, f"mode-{mode:o}", rng.randbytes(number))
        path.chmod(mode)
        os.utime(path, ns=(0, 1_600_000_000_000_000_000 + number * 1_000_000_007))
    for name, when in {
        "epoch": 0,
        "before": -1_500_000_000,
        "whole-second": 10**9,
        "one-nanosecond": 1,
        "far": 4_102_444_800 * 10**9 + 999_999_999,
        "random": rng.randrange(2 * 10**18),
    }.items():
        path = write(root, f"time-{name}", b"t")
        path.chmod(0o644)
        os.utime(path, ns=(when, when))
    (root / "link").symlink_to("mode-644")
    os.utime(root / "link", ns=(5, 1_234_567_890_123_456_789), follow_symlinks=False)
    write(root, "sub/file", b"x" * 300_000).chmod(0o640)
    os.utime(root / "sub/file", ns=(0, 77))
    (root / "sub").chmod(0o750)
    for directory in (root / "sub", root):
        os.utime(directory, ns=(0, 1_111_111_111_222_222_222))


def mixed(root: Path, rng: Random) -> None:
    """A bit of everything that every profile can hold."""
    write(root, "empty", b"")
    write(root, "small", rng.randbytes(100))
    write(root, "chunk", rng.randbytes(CHUNK))
    write(root, "two-chunks", rng.randbytes(CHUNK + 1))
    write(root, "megabyte", rng.randbytes(1024 * KIB))
    write(root, "megabyte-and-one", rng.randbytes(1024 * KIB + 1))
    write(root, "a/b/c/d/e/f", rng.randbytes(1000))
    write(root, "same", b"same")
    write(root, "a/same", b"same")
    (root / "link").symlink_to("a/same")
    (root / "nothing").mkdir()


def deep(depth: int) -> Recipe:
    """Make one file under *depth* directories."""
    return lambda root, rng: void(write(root, "/".join(["d"] * depth + ["f"]), rng.randbytes(4)))


def nested_hamts(root: Path, rng: Random) -> None:
    """Sharded directories below a sharded directory."""
    for outer in range(12):
        for inner in range(12):
            write(root, f"directory-{outer:02d}/file-{inner:02d}", rng.randbytes(3))


def tree_20000(root: Path, rng: Random) -> None:
    """20,000 files in 200 directories of two levels."""
    for number in range(20_000):
        directory = root / f"{number % 20:02d}" / f"{number // 20 % 10}"
        if number < 200:
            directory.mkdir(parents=True, exist_ok=True)
        (directory / f"{number:05d}.txt").write_bytes(rng.randbytes(16 + number % 240))


def with_fifo(root: Path, rng: Random) -> None:
    """A named pipe among files: no kind that UnixFS knows."""
    write(root, "a", rng.randbytes(3))
    os.mkfifo(root / "pipe")


def with_socket(root: Path, rng: Random) -> None:
    """A socket among files. Bound by a relative name, since a socket's path has to be short."""
    write(root, "a", rng.randbytes(3))
    before = Path.cwd()
    os.chdir(root)
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind("s")
    finally:
        os.chdir(before)

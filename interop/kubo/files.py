"""The files that command lines name, and what they leave on disk, described to be compared."""

import gzip
import hashlib
import os
import tarfile
from pathlib import Path
from random import Random

from interop.kubo import recipes


def fill(root: Path, rng: Random) -> None:
    """Make the files that the command lines name."""
    recipes.write(root, "t/small.txt", b"a small file, of one line\n")
    recipes.write(root, "t/empty.txt", b"")
    recipes.write(root, "t/big.bin", rng.randbytes(600_000))
    recipes.write(root, "t/over-2-mib.bin", rng.randbytes(2 * 1024 * 1024 + 1))
    recipes.write(root, "t/sub/a.txt", rng.randbytes(30).hex().encode())
    recipes.write(root, "t/sub/b.txt", b"b\n")
    recipes.write(root, "t/sub/deep/c.txt", b"a small file, of one line\n")
    recipes.write(root, "t/odd name\n.txt", b"odd")
    recipes.write(root, "t/.hidden", b"hidden")
    recipes.write(root, "t/node.json", b'{"from":"a file"}')
    recipes.write(root, "t/node2.json", b'{"from":["another"]}')
    for number in range(40):
        recipes.write(root, f"t/many/{number:02d}", rng.randbytes(number))
    (root / "t/nothing").mkdir()
    (root / "t/link").symlink_to("small.txt")
    for name, mode, when in (("run.sh", 0o755, 1_600_000_000), ("data", 0o640, 1_700_000_000)):
        path = recipes.write(root, f"t/dated/{name}", name.encode())
        path.chmod(mode)
        os.utime(path, (when, when))
    (root / "t/dated").chmod(0o750)
    os.utime(root / "t/dated", (1_650_000_000, 1_650_000_000))


def paths_below(root: Path) -> set[str]:
    """Return the paths of all that stands below *root*."""
    return {
        os.path.join(directory, name)
        for directory, directories, names in os.walk(root)
        for name in (*directories, *names)
    }


def described(root: Path, text: str) -> str:
    """Describe what stands at a path: its name below *root*, kind, mode and contents."""
    path = Path(text)
    relative = path.relative_to(root)
    mode = path.lstat().st_mode & 0o777
    if path.is_symlink():
        return f"{relative} -> {os.readlink(path)}"
    if path.is_dir():
        return f"{relative}/ {mode:o}"
    return f"{relative} {mode:o} {_contents(path)}"


def _contents(path: Path) -> str:
    """Return what a file holds; of an archive the members, since writers differ in padding."""
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    if ".tar" in path.suffixes or ".tgz" in path.suffixes:
        with tarfile.open(path) as archive:
            return repr(
                [(m.name, m.type, m.mode, m.size, m.linkname) for m in archive.getmembers()]
            )
    return hashlib.sha256(data).hexdigest()


def without_last_section(car: bytes) -> bytes:
    """Return *car* without its last block."""
    at = last = 0
    while at < len(car):
        last, length, shift = at, 0, 0
        while True:
            byte = car[at]
            length |= (byte & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if byte < 0x80:
                break
        at += length
    return car[:last]

"""Shows the main job on a small real dataset; prints each command, and cleans up after itself.

init → add → commit → change → add → commit → log → read the old version → verify every hash.
Everything happens below ``.demo/`` of the present directory, the node home included.
"""

import csv
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from random import Random

from examples.penguins import images

HERE = Path(__file__).resolve().parent
TABLE = HERE / "data" / "penguins.csv"
ROWS = 344
SHA256 = "f204db2c753b0937caac3cb35258562c14f073e4bbc76be24b4c51ce22767a93"
IMAGES = 300
JIAOZI = Path(sys.executable).parent / "jiaozi"
AUTHOR = "Demo <demo@example.org>"


class Failed(Exception):
    """Something did not come out as it must; the text says what."""


class Demo:
    """One run: where it works, and how commands are shown and run there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.work = root / "penguins"
        self.environment = {**os.environ, "JIAOZI_PATH": str(root / "home")}

    def say(self, text: str) -> None:
        """Print what comes next."""
        print(f"\n# {text}", flush=True)

    def jiaozi(self, *words: str, show: int | None = None) -> bytes:
        """Run a command, print it and the first *show* lines of what it says; return all of it."""
        print(f"$ jiaozi {shlex.join(words)}", flush=True)
        where = self.work if self.work.is_dir() else self.root
        done = subprocess.run(
            [str(JIAOZI), *words],
            cwd=where,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            check=False,
        )
        lines = done.stdout.decode(errors="replace").splitlines()
        for line in lines[:show]:
            print(f"  {line}".rstrip())
        if show is not None and len(lines) > show:
            print(f"  … {len(lines) - show} more lines")
        if done.returncode:
            raise Failed(f"jiaozi {shlex.join(words)} exited with {done.returncode}")
        return done.stdout


def check(true: bool, what: str) -> None:
    """Print that *what* holds, or stop."""
    if not true:
        raise Failed(what)
    print(f"  ok: {what}")


def rows(text: str) -> list[dict[str, str]]:
    """Read a table."""
    return list(csv.DictReader(text.splitlines()))


def run(demo: Demo) -> None:
    """Do the whole job."""
    demo.say("A repository and its working copy; blocks go to a node home of its own")
    demo.jiaozi("init", "penguins")

    demo.say(f"Version 1: the Palmer penguins (CC0, see ORIGIN.md) and {IMAGES} generated images")
    shutil.copy(TABLE, demo.work / "penguins.csv")
    shutil.copy(HERE / "ORIGIN.md", demo.work)
    images.fill(demo.work / "images", IMAGES, seed=1)
    demo.jiaozi("add", ".")
    demo.jiaozi("commit", "-m", "Penguins as published, first images", "--author", AUTHOR)

    demo.say("A change: rows without measurements go, 20 images are drawn anew, 10 are dropped")
    table = rows(TABLE.read_text())
    kept = [row for row in table if row["body_mass_g"] != "NA"]
    with (demo.work / "penguins.csv").open("w", newline="") as out:
        writer = csv.DictWriter(out, table[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(kept)
    for number in range(100, 120):
        image = images.draw(Random(f"2:{number}"))
        (demo.work / "images" / "1" / f"{number:04d}.png").write_bytes(image)
    for number in range(200, 210):
        (demo.work / "images" / "2" / f"{number:04d}.png").unlink()
    demo.jiaozi("add", ".")
    demo.jiaozi("commit", "-m", "Only measured penguins, better images", "--author", AUTHOR)

    demo.say("The history, and what the second version changed")
    demo.jiaozi("log")
    demo.jiaozi("show", show=12)

    demo.say("The old version is still there")
    demo.jiaozi("ls", "HEAD~1:")
    old = demo.jiaozi("cat", "HEAD~1:penguins.csv", show=4)
    new = demo.jiaozi("cat", "HEAD:penguins.csv", show=0)
    check(hashlib.sha256(old).hexdigest() == SHA256, "version 1 has the table as published")
    check(len(rows(old.decode())) == ROWS, f"version 1 has {ROWS} rows")
    check(rows(new.decode()) == kept, f"version 2 has the {len(kept)} that were kept")

    demo.say("Restored to disk, it is what was committed, image by image")
    demo.jiaozi("get", "HEAD~1:images", "-o", "../restored")
    images.fill(demo.root / "expected", IMAGES, seed=1)
    check(
        contents(demo.root / "restored") == contents(demo.root / "expected"),
        f"{IMAGES} images equal those that version 1 was made of",
    )

    demo.say("Every block is read again and hashed")
    told = demo.jiaozi("ipfs", "repo", "verify", show=0).decode().replace("\r", "\n").split("\n")
    check("verify complete" in told[-2], told[-2])


def contents(root: Path) -> dict[str, bytes]:
    """Return all files below *root* by their paths."""
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def main() -> int:
    """Run the demonstration in a directory of its own and remove that directory."""
    root = Path(".demo").resolve() / str(os.getpid())
    root.mkdir(parents=True)
    started = time.monotonic()
    try:
        run(Demo(root))
    except Failed as failure:
        print(f"\nThe demonstration failed: {failure}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(root, ignore_errors=True)
        if not any(root.parent.iterdir()):
            root.parent.rmdir()
    print(f"\nDone in {time.monotonic() - started:.1f} s; nothing is left behind.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

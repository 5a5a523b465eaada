"""Shows the main job on a small real dataset; prints each command, and cleans up after itself.

init → add → commit → change → add → commit → log → read the old version → branch → merge with
conflicts in the table and in an image → resolve → tag, signed → go back → verify every hash.
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

    def jiaozi(self, *words: str, show: int | None = None, code: int = 0) -> bytes:
        """Run a command, print it and the first *show* lines of what it says; return all of it.

        It must exit with *code*: merges with conflicts exit with 1.
        """
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
        if done.returncode != code:
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

    demo.say("A change: rows are numbered, those without measurements go,")
    print("# 20 images are drawn anew, 10 are dropped")
    table = [{"id": str(n), **row} for n, row in enumerate(rows(TABLE.read_text()), 1)]
    kept = [row for row in table if row["body_mass_g"] != "NA"]
    write(demo, kept)
    (demo.work / ".jiaoziattributes").write_text("*.csv merge=csv key=id\n")
    for number in range(100, 120):
        redraw(demo, number, seed=2)
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

    dispute(demo, kept)
    go_back(demo, kept)

    demo.say("Every block is read again and hashed")
    told = demo.jiaozi("ipfs", "repo", "verify", show=0).decode().replace("\r", "\n").split("\n")
    check("verify complete" in told[-2], told[-2])


def dispute(demo: Demo, kept: list[dict[str, str]]) -> None:
    """Change rows and images on two branches, merge them, and settle what both changed."""
    demo.say("On a branch: penguins 1 and 2 are weighed again, images 0 and 1 drawn anew")
    demo.jiaozi("switch", "-c", "corrected")
    write(demo, changed(kept, {"1": "3760", "2": "3810"}))
    redraw(demo, 0, seed=3)
    redraw(demo, 1, seed=3)
    demo.jiaozi("diff", "--rows")
    demo.jiaozi("commit", "-a", "-m", "Weighed again", "--author", AUTHOR)

    demo.say("Meanwhile on main: penguins 2 and 3, images 1 and 2")
    demo.jiaozi("switch", "main")
    write(demo, changed(kept, {"2": "3820", "3": "3270"}))
    redraw(demo, 1, seed=4)
    redraw(demo, 2, seed=4)
    demo.jiaozi("commit", "-a", "-m", "Another scale", "--author", AUTHOR)

    demo.say("Merged: one cell and one image were changed on both sides, and nothing is guessed")
    demo.jiaozi("merge", "corrected", code=1)
    demo.jiaozi("status", "--short")
    demo.jiaozi("merge", "--continue", show=0, code=1)
    print("# The table gets the mean of both masses for penguin 2, and what either side changed")
    settled = changed(kept, {"1": "3760", "2": "3815", "3": "3270"})
    write(demo, settled)
    demo.jiaozi("add", "penguins.csv")
    demo.jiaozi("resolve", "--ours", "images/0/0001.png")
    demo.jiaozi("merge", "--continue")
    demo.jiaozi("log", "--oneline", "--graph", show=5)
    merged = rows(demo.jiaozi("cat", "HEAD:penguins.csv", show=0).decode())
    check(merged == settled, "the merge has the table as it was settled")
    for number, seed in ((0, 3), (1, 4), (2, 4)):
        image = demo.jiaozi("cat", f"HEAD:{picture(number)}", show=0)
        check(image == images.draw(Random(f"{seed}:{number}")), f"image {number} is the right one")


def go_back(demo: Demo, kept: list[dict[str, str]]) -> None:
    """Tag what was merged, visit the version before, and undo a mistake."""
    demo.say("A signed tag, checked; then back to the version before, and forth again")
    demo.jiaozi("tag", "-s", "v1", "-m", "Weighed by two")
    demo.jiaozi("verify", "v1", "--trust", "self")
    demo.jiaozi("switch", "--detach", "HEAD~2")
    check(rows((demo.work / "penguins.csv").read_text()) == kept, "the rows are those of version 2")
    check(
        (demo.work / picture(1)).read_bytes() == images.draw(Random("1:1")),
        "image 1 is the first one drawn",
    )
    demo.jiaozi("switch", "main")

    demo.say("A mistake that was committed is undone, by where the branch stood before")
    (demo.work / "penguins.csv").unlink()
    demo.jiaozi("commit", "-a", "-m", "Oops", "--author", AUTHOR)
    demo.jiaozi("reset", "--hard", "@{1}")
    demo.jiaozi("diff", "v1", "--exit-code")
    demo.jiaozi("status", "--exit-code")


def changed(table: list[dict[str, str]], masses: dict[str, str]) -> list[dict[str, str]]:
    """Return *table* with other masses for the penguins of these ids."""
    return [{**row, "body_mass_g": masses.get(row["id"], row["body_mass_g"])} for row in table]


def write(demo: Demo, table: list[dict[str, str]]) -> None:
    """Make *table* the one in the working copy."""
    with (demo.work / "penguins.csv").open("w", newline="") as out:
        writer = csv.DictWriter(out, table[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)


def picture(number: int) -> str:
    """Return the path of an image in the working copy, as `images.fill` names it."""
    return f"images/{number // 100}/{number:04d}.png"


def redraw(demo: Demo, number: int, seed: int) -> None:
    """Replace one image."""
    (demo.work / picture(number)).write_bytes(images.draw(Random(f"{seed}:{number}")))


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

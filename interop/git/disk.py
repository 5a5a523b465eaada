"""What lies in a directory, and what git would put there."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from stat import S_ISLNK
from typing import TypeAlias

from tests.gitrepo import GitRepo

# Paths to (mode of git, content); an empty directory is ("directory", b"").
Files: TypeAlias = Mapping[bytes, tuple[str, bytes]]


def files(root: Path) -> Files:
    """Return all that *root* holds but ``.jiaozi``."""
    found: dict[bytes, tuple[str, bytes]] = {}
    top = os.fsencode(root)
    for here, directories, names in os.walk(top):
        if here == top and b".jiaozi" in directories:
            directories.remove(b".jiaozi")
        rest = os.path.relpath(here, top)
        if not directories and not names and here != top:
            found[rest] = ("directory", b"")
        for name in [*names, *directories]:
            path = os.path.join(here, name)
            mode = os.lstat(path).st_mode
            inside = name if here == top else os.path.join(rest, name)
            if S_ISLNK(mode):
                found[inside] = ("120000", os.readlink(path))
            elif name in names:
                with open(path, "rb") as file:
                    found[inside] = ("100755" if mode & 0o100 else "100644", file.read())
    return found


def of_git(git: GitRepo, commit: str, place: Path) -> Files:
    """Return what git checks out of *commit* into a fresh directory."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    git.run(
        f"--git-dir={git.path}", f"--work-tree={place}", "-c", "core.autocrlf=false",
        "-c", "core.bare=false", "read-tree", "--reset", "-u", commit,
        cwd=place, environ={"GIT_INDEX_FILE": str(place) + ".index"},
    )  # fmt: skip
    os.unlink(str(place) + ".index")
    return files(place)


def without_modes(there: Files) -> Files:
    """Return *there* as a profile without ``+mode`` has it."""
    return {
        path: ("100644" if mode == "100755" else mode, data) for path, (mode, data) in there.items()
    }

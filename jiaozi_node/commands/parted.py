"""Words before ``--`` are revisions and then, as git takes them, files that are there."""

import os
from typing import TYPE_CHECKING

from jiaozi_node.commands.declare import Call
from jiaozi_node.errors import JiaoziError, Misuse

if TYPE_CHECKING:
    from jiaozi_node.node.repository import Repository


def parted(call: Call, repository: "Repository") -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the revisions and the paths that *call* names.

    Without paths behind ``--`` the first word that is a file, and no revision, begins the paths.
    Raises `Misuse` for a word that is both, and for one behind the first path that is no file.
    """
    words: tuple[str, ...] = call.args["revision"]
    paths: tuple[str, ...] = call.args["path"]
    if paths or call.place is not None:  # who asks a daemon has looked: no word is a file
        return words, paths
    for at, word in enumerate(words):
        if not _is_file(call, word):
            continue
        if _is_revision(call, repository, word):
            raise Misuse(f"{word!r} is a revision and a file: write -- behind, or before it")
        for other in words[at + 1 :]:
            if not _is_file(call, other):
                raise Misuse(
                    f"{other!r} stands behind a path and is no file: write -- before paths"
                )
        return words[:at], words[at:]
    return words, ()


def _is_file(call: Call, word: str) -> bool:
    if word in ("", "..") or "\0" in word:  # two dots alone are a range without sides
        return False
    return os.path.lexists(os.path.join(call.cwd, word))


def _is_revision(call: Call, repository: "Repository", word: str) -> bool:
    from jiaozi_node.dag.walk import run
    from jiaozi_node.versioning import selection

    try:
        run(selection.select([word], repository.places(call.now)), repository.home.blocks.get)
    except JiaoziError:
        return False
    return True

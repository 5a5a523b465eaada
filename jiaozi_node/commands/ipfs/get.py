"""``ipfs get``: files and trees to disk, or as an archive.

The answer is bytes for a program and files for a person: `handler` yields the TAR or gzip stream
that the RPC sends, `after` writes the caller's own files, straight from the tree and through the
one safe writer rather than by unpacking the stream.
"""

import os
from collections.abc import Iterator
from typing import Any

from jiaozi_node.commands.declare import (
    Answer,
    Argument,
    Call,
    Command,
    Kind,
    Length,
    Option,
    Options,
)
from jiaozi_node.errors import Misuse, Unavailable


def get(call: Call) -> Iterator[bytes | memoryview | Length]:
    """Yield the archive: TAR, compressed where asked for, or a bare file compressed."""
    from jiaozi_node.commands.ipfs.content_path import resolve_whole
    from jiaozi_node.dag.walk import run, stream
    from jiaozi_node.unixfs.read import read
    from jiaozi_node.unixfs.stat import stat
    from jiaozi_node.worktree.tar import archive, compressed

    level = _level(call)
    cid = resolve_whole(call, call.args["ipfs_path"])
    fetch = call.home.blocks.get
    root = run(stat(cid), fetch)
    kind = root.kind
    yield Length(root.file_bytes if kind == "file" else root.tsize)  # of content, as in Kubo
    pieces: Iterator[bytes | memoryview]
    if level is not None and not call.option("archive"):
        if kind != "file":
            raise Misuse("file is not regular")
        pieces = stream(read(cid), fetch)
    else:
        exact = not call.option("archive")
        pieces = stream(archive(cid, _name(call), int(call.now()), exact=exact), fetch)
    yield from compressed(pieces, level) if level is not None else pieces


def _level(call: Call) -> int | None:
    """Return the level to compress at, None for not at all."""
    if not call.option("compress"):
        return None
    level: int | None = call.option("compression_level")
    if level is None:
        return -1
    if not 1 <= level <= 9:
        raise Misuse("compression level must be between 1 and 9")
    return level


def _name(call: Call) -> str:
    """Return the last name of the path given: what the root is called in an archive."""
    path: str = call.args["ipfs_path"]
    return os.path.basename(os.path.normpath(path))


def _target(call: Call) -> str:
    output: str = call.option("output") or ""
    return output or os.path.normpath(call.args["ipfs_path"].rstrip("/").rpartition("/")[2])


def _media(options: Options) -> str:
    return "application/gzip" if options["compress"] else "application/x-tar"


def _after(call: Call, answer: Iterator[Any]) -> Iterator[Any]:
    """Write what a person asked for to his disk, saying where."""
    pieces = (piece for piece in answer if not isinstance(piece, Length))
    level = _level(call)
    target = _target(call)
    if call.option("archive") and not target.endswith((".tar", ".tar.gz")):
        target += ".tar"
    if level is not None and not target.endswith(".gz"):
        target += ".gz"
    if call.option("archive") or level is not None:
        first = next(pieces, b"")  # what can't be had is told of before a file is made
        yield _line(f"Saving archive to {target}")
        _save(os.path.join(call.cwd, target), first, pieces, call)
        return
    from jiaozi_node.commands.ipfs.content_path import resolve_whole
    from jiaozi_node.dag.walk import run
    from jiaozi_node.unixfs.stat import stat
    from jiaozi_node.worktree.checkout import write_tree

    cid = resolve_whole(call, call.args["ipfs_path"])
    run(stat(cid), call.home.blocks.get)
    yield _line(f"Saving file(s) to {target}")
    write_tree(
        cid,
        call.home.blocks.get,
        os.path.join(call.cwd, target),
        name=_name(call),
        progress=call.progress,
    )


def _line(text: str) -> bytes:
    return f"{text}\n".encode("utf-8", "surrogateescape")


def _save(path: str, first: bytes, pieces: Iterator[bytes], call: Call) -> None:
    try:
        with open(path, "wb") as out:
            out.write(first)
            for piece in pieces:
                out.write(piece)
                call.progress(0, len(piece))
    except OSError as fault:
        words = fault.strerror or str(fault)
        raise Unavailable(f"open {path}: {words[:1].lower()}{words[1:]}") from None


GET = Command(
    path=("ipfs", "get"),
    fetches=True,
    tagline="Download IPFS objects.",
    handler=get,
    arguments=(Argument("ipfs-path", "The path to the object(s) to be output.", stdin=True),),
    options=(
        Option("output", Kind.TEXT, "The path where the output should be stored.", ("o",)),
        Option("archive", Kind.BOOL, "Output a TAR archive.", ("a",)),
        Option("compress", Kind.BOOL, "Compress the output with GZIP compression.", ("C",)),
        Option("compression-level", Kind.INT, "The level of compression (1-9).", ("l",)),
        Option("progress", Kind.BOOL, "Stream progress data.", ("p",)),
    ),
    answer=Answer.BYTES,
    content_type=_media,
    after=_after,
    text_only=True,
)

"""``jiaozi archive``: a version as one file, the same bytes whoever makes it."""

import os
from collections.abc import Iterator
from typing import Any

from jiaozi_node.commands.declare import Answer, Argument, Call, Command, Kind, Option
from jiaozi_node.commands.shown import quoted
from jiaozi_node.errors import Misuse


def archive(call: Call) -> Iterator[bytes | memoryview]:
    """Yield the archive."""
    from jiaozi_node.node import archiving
    from jiaozi_node.node.locate import locate

    form = archiving.format_of(call.option("format"), call.option("output"))
    found = locate(call.home, call.directory, call.args["what"])
    yield from archiving.archive(
        call.home,
        found,
        form,
        prefix=call.option("prefix"),
        full_history=call.option("history"),
    )


def _after(call: Call, pieces: Iterator[bytes]) -> Iterator[Any]:
    """Put the archive into a file where one is named; keep it off a terminal."""
    output: str | None = call.option("output")
    if output is None:
        if call.on_terminal:
            raise Misuse("an archive is no text for a terminal: name a file with -o, or use a pipe")
        yield from pieces
        return
    if not output:
        raise Misuse("an empty path names no file")
    from pathlib import Path

    from jiaozi_node.stores.atomic import replacing

    path = Path(os.path.join(call.cwd, output))
    size = 0
    with replacing(path) as file:
        for piece in pieces:
            size += file.write(piece)
            call.progress(0, len(piece))
    yield {"path": str(path), "bytes": size}


ARCHIVE = Command(
    path=("archive",),
    tagline="Put a version into a tar, zip or CAR file.",
    handler=archive,
    arguments=(Argument("what", "REV[:path], /ipfs/…, or CID[/path]."),),
    options=(
        Option(
            "format",
            Kind.TEXT,
            "tar, zip, car or carv2; by the ending of the file if absent, or tar.",
        ),
        Option("output", Kind.TEXT, "The file to write, all of it or nothing.", ("o",)),
        Option("prefix", Kind.TEXT, "Directories to put before every path.", default=""),
        Option("history", Kind.BOOL, "CAR: the commit and all that it stands on, not files alone."),
    ),
    answer=Answer.BYTES,
    after=_after,
    text=lambda value, _call: f"wrote {quoted(value['path'])}, {value['bytes']} bytes\n",
    help="""
    The same version gives the same bytes: entries are sorted, times are the commit's where the
    profile records none, zip is stored and not compressed. A CAR is whole: its root is the tree, or
    with --history the commit, and all that it links is in it; carv2 adds an index of its blocks.
    """,
)

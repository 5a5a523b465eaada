"""A process that writes new directories for another one, which reads the blocks meanwhile.

Making a small file keeps the system as busy as reading and checking its block keeps us, and on two
cores both go on at once only in two processes. It is started by `hands` with an open directory,
which is all that it writes to. Messages come on standard input, each the length of what `marshal`
makes of a tuple and that; one answer goes to standard output, when all is done or has failed::

    ("begin", parts, names)   ("files", ((name, data), …)) …   ("end",)
    ("done", ((parts, ((name, `stat_bytes`), …)), …))   ("failed", family, words)

Input that ends within a directory means that whoever sends it is gone: nothing is left of that
directory then.
"""

import marshal
import os
import signal
import sys
from collections.abc import Iterator
from struct import Struct
from typing import IO, Any

from jiaozi_node.errors import Conflict, JiaoziError, Malformed, Refused, Unavailable
from jiaozi_node.worktree.entry import stat_bytes
from jiaozi_node.worktree.fresh import NewDirectory
from jiaozi_node.worktree.writer import SafeWriter

Message = tuple[Any, ...]

LENGTH = Struct("<I")
FAMILIES: dict[str, type[JiaoziError]] = {
    family.__name__: family for family in (Conflict, Malformed, Refused, Unavailable)
}


def send(out: IO[bytes], message: Message) -> None:
    """Write one message."""
    data = marshal.dumps(message)
    out.write(LENGTH.pack(len(data)))
    out.write(data)
    out.flush()


def received(source: IO[bytes]) -> Iterator[Message]:
    """Yield messages until there are no more; one that is cut short is none."""
    while len(head := source.read(LENGTH.size)) == LENGTH.size:
        (length,) = LENGTH.unpack(head)
        data = source.read(length)
        if len(data) < length:
            return
        message: Message = marshal.loads(data)  # from the process that started us
        yield message


def work(root: int, source: IO[bytes], out: IO[bytes]) -> None:
    """Do what the messages of *source* say below the directory that is open at *root*."""
    try:
        answer: Message = ("done", tuple(written(root, source)))
    except (JiaoziError, OSError) as fault:
        family = next(
            (name for name, kind in FAMILIES.items() if isinstance(fault, kind)), "Unavailable"
        )
        answer = ("failed", family, str(fault))
    send(out, answer)


def written(root: int, source: IO[bytes]) -> Iterator[Message]:
    """Write directories; yield each one's path and what the stat index may know of its files.

    A directory takes its place when the next one is full, so that the clock has moved on since its
    files were written, see `NewDirectory.known`.
    """
    with SafeWriter("", root=root) as writer:
        open_: NewDirectory | None = None
        waiting: list[NewDirectory] = []
        try:
            for message in received(source):
                if message[0] == "begin":
                    open_ = NewDirectory(writer, message[1], message[2], notes=True)
                elif open_ is None:
                    raise Malformed(f"a message {message[0]!r:.20} outside of a directory")
                elif message[0] == "files":
                    for name, data in message[1]:
                        open_.put(name, data)
                else:
                    waiting.append(open_)
                    open_ = None
                    if len(waiting) > 1:
                        yield placed(waiting.pop(0))
            while waiting:
                yield placed(waiting.pop(0))
        finally:
            for left in (open_, *waiting):
                if left is not None:
                    left.end(place=False)


def placed(directory: NewDirectory) -> Message:
    """Put *directory* in its place and return what is `told` of it."""
    directory.end(place=True)
    return told(directory)


def told(directory: NewDirectory) -> Message:
    """Return the path of a directory that has its place, and what is known of its files."""
    return directory.parts, tuple(
        [(name, stat_bytes(found)) for name, found in directory.known().items()]
    )


def main() -> None:
    """Run as a child of `hands.Hands`. Ctrl-C is for the parent, whose end is that of our input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with open(0, "rb", closefd=False) as source, open(1, "wb", closefd=False) as out:
        work(int(sys.argv[1]), source, out)
    os._exit(0)

"""A git repository, read through the ``git`` program and nothing else (``specs/from-git.md`` §1).

The commands are plumbing that runs no hook, filter or pager; the environment keeps out every
configuration but the repository's, and any transport. The directory is named with ``--git-dir``,
so git doesn't ask whose it is: what it would protect from isn't done here.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import IO, Final, NamedTuple

from jiaozi_node.errors import LimitExceeded, Malformed, NotFound, Refused, Unavailable

MAX_OBJECT_BYTES: Final = {"commit": 1 << 20, "tag": 1 << 20, "tree": 256 << 20}
PIECE_BYTES: Final = 1 << 20
_AT_ONCE: Final = 150  # ids asked for ahead: what every system's pipe holds, 64 digits each
_SHOWN = 300
_SILENT = "it said nothing"


class GitMissing(Unavailable):
    """The program isn't installed."""

    def __init__(self) -> None:
        super().__init__("git is needed to read a git repository, and no 'git' is on the PATH")


class NotGit(NotFound):
    """There is no git repository at *directory*."""

    def __init__(self, directory: str, why: str) -> None:
        super().__init__(f"{directory} is not a git repository: {why}")
        self.directory = directory


class GitFailed(Unavailable):
    """A git command ended with an error of its own."""

    def __init__(self, command: str, why: str) -> None:
        super().__init__(f"git {command} failed: {why}")
        self.command = command


class GitObjectMissing(NotFound):
    """The repository lacks an object that its history needs, or holds it damaged."""

    def __init__(self, oid: bytes, said: str = "") -> None:
        super().__init__(
            f"the git repository lacks the object {oid.hex()}{said and f' ({said})'};"
            " if it is a partial clone, fetch the rest with git first"
        )
        self.oid = oid


class Shallow(Refused):
    """The repository holds only the newest commits."""

    def __init__(self, directory: str) -> None:
        super().__init__(
            f"{directory} is a shallow clone: its oldest commits lack their parents;"
            " 'git fetch --unshallow' gets them"
        )


class Ref(NamedTuple):
    """A ref as git has it, ``refs/heads/main``; *kind* is what it names."""

    name: bytes
    oid: bytes
    kind: str


class Git:
    """The git repository at *directory*: a work tree, its ``.git``, or a bare one.

    Raises `GitMissing`, `NotGit`, `Shallow`.
    """

    def __init__(self, directory: str, environ: Mapping[str, str]) -> None:
        found = shutil.which("git", path=environ.get("PATH", os.defpath))
        if found is None:
            raise GitMissing
        self.program, self.directory = found, directory
        self.environ = _environment(environ)
        if not os.path.isdir(directory):
            raise NotGit(directory, "there is no such directory")
        inside = os.path.join(directory, ".git")
        self.git_dir = os.path.realpath(inside if os.path.exists(inside) else directory)
        code, out, err = self._ran("rev-parse", "--is-shallow-repository", "--git-path", "objects")
        if code:
            raise NotGit(directory, err)
        if out.split(b"\n")[0] == b"true":
            raise Shallow(directory)

    def refs(self, warn: Callable[[str], None]) -> list[Ref]:
        """Return branches and tags; what git says of broken ones goes to *warn*."""
        code, out, err = self._ran(
            "for-each-ref", "--format=%(objectname) %(objecttype) %(refname)", "refs/heads/",
            "refs/tags/",
        )  # fmt: skip
        if code:
            raise GitFailed("for-each-ref", err)
        if err != _SILENT:
            warn(err)
        rows = [line.split(b" ", 2) for line in out.splitlines()]
        return [Ref(name, bytes.fromhex(oid.decode()), kind.decode()) for oid, kind, name in rows]

    def others(self) -> int:
        """Return how many refs are neither branches nor tags."""
        out = self._ran("for-each-ref", "--format=%(refname)")[1]
        return sum(not line.startswith((b"refs/heads/", b"refs/tags/")) for line in out.split())

    def head(self) -> tuple[bytes | None, bytes | None]:
        """Return the ref that HEAD is on, if any, and the commit that it stands for, if any."""
        code, out, _err = self._ran("symbolic-ref", "-q", "HEAD")
        ref = out.rstrip(b"\n") if code == 0 else None
        code, out, _err = self._ran("rev-parse", "-q", "--verify", "HEAD^{commit}")
        return ref, bytes.fromhex(out.decode().strip()) if code == 0 else None

    def commits(self, tips: Iterable[bytes]) -> Iterator[bytes]:
        """Yield *tips* and their ancestors, each once and behind all of its parents."""
        asked = b"".join([b"%s\n" % tip.hex().encode() for tip in tips])
        with tempfile.TemporaryFile() as wanted, tempfile.TemporaryFile() as said:
            wanted.write(asked)
            wanted.seek(0)
            process = self._started(
                ["rev-list", "--topo-order", "--reverse", "--stdin"], wanted, said
            )
            try:
                for line in process.stdout or ():
                    yield bytes.fromhex(line.decode().strip())
                if process.wait():
                    raise GitFailed("rev-list", _last_line(said))
            finally:
                _ended(process)

    def objects(self) -> "Objects":
        """Begin reading objects; use the answer as a context manager."""
        said = tempfile.TemporaryFile()  # noqa: SIM115 - `Objects` closes it
        words = ["cat-file", "--batch"]
        return Objects(self._started(words, subprocess.PIPE, said), said)

    def _ran(self, *words: str) -> tuple[int, bytes, str]:
        done = subprocess.run(
            self._line(words), stdin=subprocess.DEVNULL, capture_output=True, env=self.environ,
            check=False,
        )  # fmt: skip
        return done.returncode, done.stdout, _shown(done.stderr)

    def _started(
        self, words: Sequence[str], stdin: int | IO[bytes], said: IO[bytes]
    ) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            self._line(words), stdin=stdin, stdout=subprocess.PIPE, stderr=said, env=self.environ,
            bufsize=PIECE_BYTES, start_new_session=True,
        )  # fmt: skip

    def _line(self, words: Sequence[str]) -> list[str]:
        return [self.program, f"--git-dir={self.git_dir}", "--no-pager", *words]


class Blob(NamedTuple):
    """The content of a file; *data* is all of it, or None where it comes in *pieces*.

    Those are read before the next blob is asked for.
    """

    oid: bytes
    size: int
    data: bytes | None
    pieces: Iterator[bytes]


class Objects:
    """Objects of a git repository, asked for and streamed in order by one process."""

    def __init__(self, process: "subprocess.Popen[bytes]", said: IO[bytes]) -> None:
        if process.stdin is None or process.stdout is None:
            raise ValueError("the process needs both pipes")
        self._process, self._said = process, said
        self._in, self._out = process.stdin, process.stdout

    def __enter__(self) -> "Objects":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _ended(self._process)
        self._said.close()

    def get(self, oid: bytes, kind: str) -> bytes:
        """Return the object *oid*, which must be a *kind*."""
        self._ask((oid,))
        return self._whole(oid, kind)

    def each(self, oids: Iterable[bytes], kind: str) -> Iterator[tuple[bytes, bytes]]:
        """Yield id and bytes of each of *oids*. Nothing else may be asked for between chunks
        of the answers, so the caller takes a chunk at a time.
        """
        for chunk in chunks(oids):
            self._ask(chunk)
            yield from [(oid, self._whole(oid, kind)) for oid in chunk]

    def blobs(self, oids: Iterable[bytes]) -> Iterator[Blob]:
        """Yield the content of each of *oids*; nothing else may be asked for meanwhile."""
        for chunk in chunks(oids):
            self._ask(chunk)
            for oid in chunk:
                size = self._header(oid, "blob")
                if size <= PIECE_BYTES:
                    yield Blob(oid, size, self._body(size), iter(()))
                    continue
                pieces = self._pieces(size)
                yield Blob(oid, size, None, pieces)
                for _rest in pieces:
                    pass

    def _ask(self, oids: Sequence[bytes]) -> None:
        try:
            self._in.write(b"".join([b"%s\n" % oid.hex().encode() for oid in oids]))
            self._in.flush()
        except OSError:
            raise self._broken() from None

    def _whole(self, oid: bytes, kind: str) -> bytes:
        size = self._header(oid, kind)
        most = MAX_OBJECT_BYTES[kind]
        if size > most:
            raise LimitExceeded(f"git {kind} {oid.hex()}", most, size)
        return self._body(size)

    def _header(self, oid: bytes, kind: str) -> int:
        words = self._out.readline().split()
        if len(words) == 2 and words[1] == b"missing":
            said = _last_line(self._said)
            raise GitObjectMissing(oid, "" if said == _SILENT else said)
        if len(words) != 3:
            fault = self._broken()
            # A git that doesn't know GIT_NO_LAZY_FETCH tries to, and may not.
            raise GitObjectMissing(oid) if "promisor" in str(fault) else fault
        if words[1] != kind.encode():
            raise Malformed(f"git object {oid.hex()} is a {words[1].decode()}, not a {kind}")
        return int(words[2])

    def _body(self, size: int) -> bytes:
        data = self._out.read(size + 1)
        if len(data) != size + 1:
            raise self._broken()
        return data[:-1]

    def _pieces(self, size: int) -> Iterator[bytes]:
        while size:
            data = self._out.read(min(size, PIECE_BYTES))
            if not data:
                raise self._broken()
            size -= len(data)
            yield data
        self._out.read(1)

    def _broken(self) -> GitFailed:
        self._process.kill()
        self._process.wait()
        return GitFailed("cat-file", _last_line(self._said))


def chunks(oids: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yield *oids* so many at a time as may be asked for ahead."""
    chunk: list[bytes] = []
    for oid in oids:
        chunk.append(oid)
        if len(chunk) == _AT_ONCE:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what git gets to see: no configuration but the repository's, no way out."""
    kept = {key: environ[key] for key in ("PATH", "TMPDIR", "SYSTEMROOT") if key in environ}
    return kept | {
        "LC_ALL": "C",
        "HOME": os.devnull,
        "XDG_CONFIG_HOME": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_GRAFT_FILE": os.devnull,
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "none",  # a lazy fetch of a git that doesn't know the line above
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
    }


def _ended(process: "subprocess.Popen[bytes]") -> None:
    """End *process* and release its pipes, whatever it was doing."""
    with suppress(OSError):
        process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()


def _last_line(said: IO[bytes]) -> str:
    said.seek(max(0, said.seek(0, os.SEEK_END) - 4096))
    return _shown(said.read())


def _shown(err: bytes) -> str:
    """Return the last line of what git said, on one line of ours."""
    lines = err.decode("utf-8", "replace").strip().splitlines() or [_SILENT]
    text = lines[-1].removeprefix("fatal: ").removeprefix("error: ")
    text = "".join(char if char.isprintable() else "?" for char in text)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"

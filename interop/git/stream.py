"""Commits for git, as many as one likes at once: the language of `git fast-import`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from tests.gitrepo import GitRepo

FILE = "100644"
PROGRAM = "100755"
LINK = "120000"
SUBMODULE = "160000"

Entry: TypeAlias = tuple[str, bytes]  # mode, and content (of a submodule the id of its commit)
Tree: TypeAlias = Mapping[bytes, Entry]


@dataclass(slots=True)
class Stream:
    """Collects blobs, commits and tags under marks; `send` gives them to git at once."""

    _out: list[bytes] = field(default_factory=list)
    _blobs: dict[bytes, int] = field(default_factory=dict)
    _marks: int = 0

    def commit(
        self,
        ref: str,
        tree: Tree,
        parents: Sequence[int],
        message: bytes = b"words\n",
        author: bytes = b"Ada <ada@example.org> 1700000000 +0000",
        committer: bytes | None = None,
        encoding: str | None = None,
    ) -> int:
        """Put *ref* at a new commit of exactly *tree*; return its mark."""
        lines = []
        for path, (mode, data) in sorted(tree.items()):
            what = data if mode == SUBMODULE else b":%d" % self._blob(data)
            lines.append(b"M %s %s %s\n" % (mode.encode(), what, _quoted(path)))
        mark = self._mark()
        self._out.append(b"reset %s\n" % ref.encode() if not parents else b"")
        self._out.append(b"commit %s\nmark :%d\nauthor %s\ncommitter %s\n"
                         % (ref.encode(), mark, author, committer or author))  # fmt: skip
        self._out.append(b"encoding %s\n" % encoding.encode() if encoding else b"")
        self._out.append(b"data %d\n%s\n" % (len(message), message))
        for word, parent in zip((b"from", *[b"merge"] * len(parents)), parents, strict=False):
            self._out.append(b"%s :%d\n" % (word, parent))
        self._out += [b"deleteall\n", *lines, b"\n"]
        return mark

    def tag(self, name: str, at: int, message: bytes, tagger: bytes) -> None:
        """Add an annotated tag."""
        self._out.append(
            b"tag %s\nfrom :%d\ntagger %s\ndata %d\n%s\n"
            % (name.encode(), at, tagger, len(message), message)
        )

    def ref(self, name: str, at: int) -> None:
        """Put a ref at a commit."""
        self._out.append(b"reset %s\nfrom :%d\n\n" % (name.encode(), at))

    def send(self, git: GitRepo) -> dict[int, str]:
        """Let git read it all; return the id of every mark of a commit."""
        marks = git.path / "marks"
        git.run("fast-import", "--quiet", f"--export-marks={marks}", stdin=b"".join(self._out))
        rows = (line.split() for line in marks.read_text().splitlines())
        blobs = set(self._blobs.values())
        return {int(mark[1:]): oid for mark, oid in rows if int(mark[1:]) not in blobs}

    def _mark(self) -> int:
        self._marks += 1
        return self._marks

    def _blob(self, data: bytes) -> int:
        mark = self._blobs.get(data)
        if mark is None:
            mark = self._blobs[data] = self._mark()
            self._out.append(b"blob\nmark :%d\ndata %d\n%s\n" % (mark, len(data), data))
        return mark


def _quoted(path: bytes) -> bytes:
    """Write a path as fast-import reads it, every odd byte in octal."""
    plain = b"".join(
        bytes([byte]) if 0x20 < byte < 0x7F and byte not in b'"\\' else b"\\%03o" % byte
        for byte in path
    )
    return b'"%s"' % plain

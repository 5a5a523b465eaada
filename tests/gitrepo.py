"""Git repositories for tests, made object by object: what no `git add` would write, too."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pytest

GIT = shutil.which("git")
needs_git = pytest.mark.skipif(GIT is None, reason="needs git")

Tree: TypeAlias = Mapping[Any, Any]  # names to content, trees, or mode and content or id
ADA = b"Ada <ada@example.org> 1700000000 +0100"


class GitRepo:
    """A bare git repository at *path*."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self.run("init", "-q", "--bare", "-b", "main", ".")

    def run(
        self,
        *words: str | Path,
        stdin: bytes = b"",
        cwd: Path | None = None,
        environ: Mapping[str, str] | None = None,
        codes: Sequence[int] = (0,),
    ) -> bytes:
        """Run git here, which must end with one of *codes*; nothing of the user's is read."""
        done = subprocess.run(
            [GIT or "git", *words], input=stdin, cwd=cwd or self.path, capture_output=True,
            check=False,
            env={
                "PATH": os.environ["PATH"], "HOME": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_CONFIG_GLOBAL": os.devnull, "LC_ALL": "C.UTF-8", "TZ": "UTC",
                **(environ or {}),
            },
        )  # fmt: skip
        assert done.returncode in codes, (words, done.stderr.decode("utf-8", "replace"))
        return done.stdout

    def put(self, kind: str, data: bytes) -> str:
        """Write an object as it is, sound or not; return its id."""
        words = ("hash-object", "-w", "--stdin", "--literally", "-t", kind)
        return self.run(*words, stdin=data).decode().strip()

    def tree(self, entries: Tree) -> str:
        """Write a tree: bytes are files, mappings trees, tuples mode and content (or id)."""
        rows: list[tuple[bytes, bytes, bytes]] = []
        for name, there in entries.items():
            raw = os.fsencode(name)
            if isinstance(there, bytes):
                mode, oid = b"100644", self.put("blob", there)
            elif isinstance(there, tuple):
                mode = there[0].encode()
                oid = there[1] if isinstance(there[1], str) else self.put("blob", there[1])
            else:
                mode, oid = b"40000", self.tree(there)
            rows.append((raw, mode, bytes.fromhex(oid)))
        rows.sort(key=lambda row: row[0] + b"/" * (row[1] == b"40000"))
        return self.put("tree", b"".join([b"%s %s\0%s" % (m, n, o) for n, m, o in rows]))

    def commit(
        self,
        tree: Tree | str,
        parents: Sequence[str] = (),
        message: bytes = b"words\n",
        author: bytes = ADA,
        committer: bytes | None = None,
        headers: bytes = b"",
        ref: str | None = "refs/heads/main",
    ) -> str:
        """Write a commit; put *ref* there."""
        root = tree if isinstance(tree, str) else self.tree(tree)
        lines = [b"tree %s\n" % root.encode()]
        lines += [b"parent %s\n" % parent.encode() for parent in parents]
        lines += [b"author %s\ncommitter %s\n" % (author, committer or author), headers, b"\n"]
        oid = self.put("commit", b"".join(lines) + message)
        if ref is not None:
            self.ref(ref, oid)
        return oid

    def ref(self, name: str, oid: str) -> None:
        """Put a ref somewhere, whatever it is."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{oid}\n")

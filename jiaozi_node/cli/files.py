"""The files a command line names: paths on disk, and ``-`` or nothing for standard input.

Arguments are ordered, named and refused as Kubo's command line does (go-ipfs-cmds, `parse.go`):
by base name, the same file twice counted once, one name from two directories refused.
"""

import os
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from jiaozi_node.cli.memory import reuse_freed
from jiaozi_node.commands.declare import Imported, NoPlace, PutBlocks, TreeRules
from jiaozi_node.errors import Misuse, NotFound, Refused

if TYPE_CHECKING:
    from pathlib import Path

    from jiaozi_node.cli.progress import Progress
    from jiaozi_node.worktree.ignore import KuboRules

_READ_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Named:
    """An argument: the name it is imported under, and its path; "" is standard input."""

    name: str
    path: str


class NoSuchFile(NotFound):
    """An argument names a file that isn't there."""

    def __init__(self, path: str) -> None:
        super().__init__(f"lstat {path}: no such file or directory")
        self.path = path


class HoldsHome(Refused):
    """What is to be imported overlaps the node home, where private keys are."""

    def __init__(self, path: str, home: str) -> None:
        super().__init__(f"{path} overlaps the node home {home}, which holds private keys")
        self.path, self.home = path, home


class LocalFiles:
    """What the words *paths* name, in the present directory. See `FileSource`."""

    def __init__(
        self, paths: Sequence[str], progress: "Progress", name: str, home: "Path | None"
    ) -> None:
        self._paths = tuple(paths) or ("-",)
        self._progress = progress
        self._argument, self._home = name, home

    def trees(self, rules: TreeRules, put: PutBlocks | None) -> Iterator[Imported]:
        """Import every argument in turn; see `FileSource.trees`."""
        from jiaozi_node.worktree.ignore import KuboRules

        named = self._named(rules)
        ignore: KuboRules | None = None
        if rules.ignore or rules.ignore_file:
            if rules.ignore_file and not os.path.exists(rules.ignore_file):
                raise NotFound(f"open {rules.ignore_file}: no such file or directory")
            ignore = KuboRules.of(rules.ignore, rules.ignore_file)
        for argument in named:
            self._check(argument, rules)
            if put is not None:
                self._spare_home(argument)
        if self._progress.shown:
            from jiaozi_node.worktree.measure import size_of

            self._progress.expect(sum(size_of(one.path) for one in named if one.path))
        reuse_freed()
        for argument in named:
            if argument.path:
                yield from self._tree(argument, rules, put, ignore)
            else:
                yield self._stdin(argument.name, rules, put)

    def streams(self) -> Iterator[tuple[str, BinaryIO]]:
        """Open every argument in turn; see `FileSource.streams`."""
        named = self._named(None)
        for argument in named:
            if argument.path:
                self._check(argument, None)
        for argument in named:
            if not argument.path:
                yield "", _standard_input()
                continue
            with open(argument.path, "rb") as file:
                yield argument.name, file

    def _named(self, rules: TreeRules | None) -> list[_Named]:
        named: dict[str, str] = {}
        found: list[_Named] = []
        for path in self._paths:
            if path == "-":
                found.append(_Named((rules and rules.stdin_name) or "", ""))
                continue
            path = os.path.normpath(path)
            if path == ".":
                path = os.getcwd()
            if rules is not None and (rules.follow_arguments or rules.follow_links):
                path = _followed(path)
            name, directory = os.path.basename(path), os.path.dirname(path) or "."
            before = named.setdefault(name, directory)
            if before != directory:
                raise Misuse(
                    f"file name {name} repeated under different import directories: "
                    f"{directory} and {before}"
                )
            if not any(other.path and other.name == name for other in found):
                found.append(_Named(name, path))
        return sorted(found, key=lambda one: os.fsencode(one.name))

    def _check(self, argument: _Named, rules: TreeRules | None) -> None:
        """Refuse what isn't there, and directories where none are taken."""
        if not argument.path:
            return
        try:
            mode = os.lstat(argument.path).st_mode
        except (FileNotFoundError, NotADirectoryError):
            raise NoSuchFile(argument.path) from None
        if stat.S_ISLNK(mode) and rules is None:
            mode = os.stat(argument.path).st_mode
        if not stat.S_ISDIR(mode):
            return
        if rules is None:
            raise Misuse(
                f"invalid path '{argument.path}', argument '{self._argument}' "
                "does not support directories"
            )
        if not rules.recursive:
            raise Misuse(
                f"'{argument.path}' is a directory, use the '-r' flag to specify directories"
            )

    def _spare_home(self, argument: _Named) -> None:
        """Refuse what overlaps the node home: imports are public, and its keys lie in it."""
        if self._home is None or not argument.path:
            return
        home = os.path.realpath(self._home)
        path = os.path.realpath(argument.path)
        if os.path.exists(home) and os.path.commonpath((home, path)) in (home, path):
            raise HoldsHome(argument.path, home)

    def _tree(
        self,
        argument: _Named,
        rules: TreeRules,
        put: PutBlocks | None,
        ignore: "KuboRules | None",
    ) -> Iterator[Imported]:
        from jiaozi_node.worktree.import_tree import import_stream, import_tree

        if stat.S_ISFIFO(os.lstat(argument.path).st_mode):
            if rules.refer is not None:
                raise NoPlace
            with open(argument.path, "rb", buffering=0) as pipe:
                node = import_stream(
                    pipe.read,
                    rules.profile,
                    put,
                    mode=rules.mode,
                    mtime=rules.mtime,
                    progress=self._progress,
                )
            yield Imported(argument.name, node, 0, rules.mode, rules.mtime)
            return
        walk = import_tree(
            argument.path,
            rules.profile,
            put,
            rules=ignore,
            hidden=rules.hidden,
            follow=rules.follow_links,
            empty_directories=rules.empty_directories,
            mode=rules.mode,
            mtime=rules.mtime,
            progress=self._progress if self._progress.shown else None,
            refer=rules.refer,
        )
        name = argument.name
        directories: list[Imported] = []
        for parts, node, mode, mtime in walk:
            if parts and not rules.every_entry:
                continue
            path = "/".join((name, *parts)) if parts else name
            one = Imported(path, node, len(parts), mode, mtime)
            if node.kind == "directory":
                directories.append(one)
            else:
                yield one
        yield from directories

    def _stdin(self, name: str, rules: TreeRules, put: PutBlocks | None) -> Imported:
        from jiaozi_node.worktree.import_tree import import_stream

        if rules.refer is not None:
            raise NoPlace
        node = import_stream(
            _standard_input().read,
            rules.profile,
            put,
            mode=rules.mode,
            mtime=rules.mtime,
            progress=self._progress,
        )
        return Imported(name, node, 0, rules.mode, rules.mtime)


def _standard_input() -> BinaryIO:
    if sys.stdin.isatty():
        sys.stderr.write("ipfs: Reading from /dev/stdin; send Ctrl-d to stop.\n")
    return sys.stdin.buffer


def _followed(path: str) -> str:
    """Return where *path* leads through symlinks; raises `NoSuchFile`."""
    try:
        return os.path.realpath(path, strict=True) if os.path.islink(path) else path
    except OSError:
        raise NoSuchFile(path) from None

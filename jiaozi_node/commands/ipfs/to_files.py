"""``ipfs add --to-files``: what was added gets a name in the mutable file system too."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jiaozi_node.commands.declare import Call, Imported
from jiaozi_node.commands.ipfs.go_text import quoted
from jiaozi_node.commands.ipfs.mfs_path import base, check_path, directory
from jiaozi_node.errors import JiaoziError, Misuse

if TYPE_CHECKING:
    from jiaozi_node.formats.cid import Cid


class ToFiles:
    """Puts each root that was added where the option says: under that path, or into it."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._path: str = call.option("to_files") or "/"
        self._put_one = False

    def put(self, one: Imported) -> None:
        """Set an entry to *one*; raises `Misuse` in Kubo's words, having set nothing."""
        if not one.path:
            raise Misuse("to-files: cannot add unnamed files to MFS")
        try:
            target = check_path(self._path)
        except Misuse as fault:
            raise Misuse(f"to-files: {fault}") from None
        into = target[-1] == "/"
        if into:
            kind = self._kind(target, f"MFS destination directory {quoted(target)} does not exist")
            if kind != "directory":
                raise Misuse(f"to-files: MFS destination {quoted(target)} is not a directory")
            target += base(one.path)
        elif self._put_one:
            raise Misuse(
                "to-files: MFS destination is a file: only one entry can be copied to "
                f"{quoted(target)}"
            )
        above = directory(target)
        self._kind(above, f"MFS destination parent {quoted(target)} {quoted(above)} does not exist")
        self._link(one.node.cid, target, flush=one.node.kind != "symlink")
        self._put_one = True

    def _kind(self, path: str, missing: str) -> str:
        try:
            [row] = self._run("stat", {"path": path})
        except JiaoziError as fault:
            raise Misuse(f"to-files: {missing}: {fault}") from None
        return str(row["Type"])

    def _link(self, cid: "Cid", target: str, *, flush: bool) -> None:
        try:
            list(self._run("cp", {"source": f"/ipfs/{cid}", "dest": target}, flush=flush))
        except JiaoziError as fault:
            why = str(fault).removeprefix(f"cp: cannot put node in path {target}: ")
            raise Misuse(f"to-files: cannot put node in path {quoted(target)}: {why}") from None
        if not flush:  # which refuses symlinks
            list(self._run("flush", {"path": "/"}))

    def _run(self, name: str, args: dict[str, Any], **options: bool) -> Iterator[Any]:
        """Yield what a command of ``files`` does, in the process that holds the home."""
        from jiaozi_node.commands import registry
        from jiaozi_node.node.daemon_home import DaemonHome

        command = registry.load(("ipfs", "files", name))
        if command is None:
            raise RuntimeError(f"there is no command files {name}")
        call, home = self._call, self._call.home
        chosen = {option.key: option.default for option in command.options} | options
        inner = getattr(home, "inner", home)
        if isinstance(inner, DaemonHome):
            given = {
                "args": args, "options": chosen, "explicit": [], "globals": {},
                "progress": False, "text": False,
            }  # fmt: skip
            for kind, value in inner.run(command.path, given):
                if kind == "json":
                    yield json.loads(value)
            return
        yield from command.handler(
            replace(call, args=args, options=chosen, explicit=frozenset(), globals={}, files=None)
        )

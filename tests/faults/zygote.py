"""A process that has jiaozi imported and forks one child for each script: real CLI, real kills.

`Zygote` is the test's side. Run as a program it is the other: it reads one JSON request a line,
forks, says the child's pid, and when the child is dead how it ended. Children tell of what they
begin and what was acknowledged on a pipe that outlives them.
"""

import importlib
import json
import os
import random
import select
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
Said = dict[str, Any]


class Zygote:
    """Starts children; *environment* adds to theirs."""

    def __init__(self, environment: dict[str, str] | None = None) -> None:
        self._read, write = os.pipe()
        os.set_blocking(self._read, False)
        self._rest = b""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.zygote", str(write)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=(write,), cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
        )  # fmt: skip
        os.close(write)

    def start(self, script: str, home: Path, work: Path, **options: object) -> int:
        """Fork a child that runs *script*; return its pid. `wait` must follow."""
        request = {"script": script, "home": str(home), "work": str(work), **options}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        return int(self._line())

    def wait(self) -> int:
        """Return how the child ended: its exit code, or minus the signal."""
        return int(self._line())

    def run(self, script: str, home: Path, work: Path, **options: object) -> tuple[int, list[Said]]:
        """Run a child to its end; return how it ended and all it said."""
        self.start(script, home, work, **options)
        status = self.wait()
        return status, self.said()

    def said(self) -> list[Said]:
        """Return what children said since this was last called."""
        with suppress(BlockingIOError):
            while data := os.read(self._read, 1 << 20):
                self._rest += data
        *lines, self._rest = self._rest.split(b"\n")
        return [json.loads(line) for line in lines if line]

    def wait_said(self, timeout_s: float = 20.0) -> list[Said]:
        """Wait until something is said."""
        deadline = time.monotonic() + timeout_s
        found: list[Said] = []
        while not found and time.monotonic() < deadline:
            select.select([self._read], [], [], 0.5)
            found = self.said()
        assert found, "the child says nothing"
        return found

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(20)
        assert self._process.stdout is not None
        self._process.stdout.close()
        os.close(self._read)

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the zygote died"
        return line.decode()


# ---- the other side ----------------------------------------------------------------------


class _Child:
    """What a script stands on; *tell* writes a line to the test in one piece."""

    def __init__(self, request: Said, pipe: int) -> None:
        self.home, self.work, self.request = request["home"], request["work"], request
        self._pipe = pipe
        self._made = 0

    def tell(self, **what: object) -> None:
        os.write(self._pipe, json.dumps(what).encode() + b"\n")

    def command(self, *words: str) -> tuple[int, str]:
        """Run one command line as `jiaozi` does; return its exit code and output."""
        from jiaozi_node.cli.main import main

        sys.stdout.flush()
        os.lseek(1, 0, os.SEEK_SET)
        os.ftruncate(1, 0)
        code = main(words)
        sys.stdout.flush()
        size = os.fstat(1).st_size
        return code, os.pread(1, size, 0).decode("utf-8", "replace")

    def write_file(self, name: str, data: bytes) -> str:
        path = Path(self.work, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return str(path)


def _commands(child: _Child) -> int:
    """Run the command lines of the request; stop at the first that fails."""
    for words in child.request["commands"]:
        code, out = child.command(*words)
        child.tell(ack=words[:2], code=code, out=out)
        if code:
            return code
    return 0


def content(seed: int, size: int) -> bytes:
    """Return the bytes of a file by number."""
    return random.Random(seed).randbytes(size)


def _loop(child: _Child) -> int:
    """Add, commit, import, pin, unpin and collect until killed, telling of each act.

    With *kept* the home stays open between acts, as a daemon has it.
    """
    child.tell(ready=True)  # the call to be met may be one of opening
    if child.request.get("kept"):
        _keep_open(Path(child.home))
    numbers = random.Random(child.request["seed"])
    serial = child.request["serial"]
    pinned: list[str] = list(child.request["pinned"])
    heavy = numbers.random() < 0.3
    while True:
        serial += 1
        size = numbers.choice((20, 3000, 40_000, 600_000 if heavy else 5000))
        data = content(serial, size)
        act = numbers.choices(
            ("commit", "import", "pin", "unpin", "gc", "many"), (5, 4, 2, 2, 2, 1)
        )[0]
        if act == "commit":
            child.write_file(f"f{serial % 9}", data)
            child.tell(begin="add", serial=serial)
            _must(child.command("add", "."))
            child.tell(ack="add", serial=serial)
            child.tell(begin="commit", serial=serial)
            out = _must(child.command("commit", "--json", "-m", f"n{serial}"))
            child.tell(ack="commit", serial=serial, cid=json.loads(out)["commit"], size=size)
        elif act in ("import", "many"):
            if act == "many":
                for number in range(40):
                    child.write_file(f"out/{number}", content(serial + number, 900))
                path, size = str(Path(child.work, "out")), 0
            else:
                path = child.write_file("out.bin", data)
            child.tell(begin="import", serial=serial)
            out = _must(child.command("ipfs", "add", "-r", "-Q", path))
            pinned.append(out.strip())
            child.tell(ack="import", serial=serial, cid=out.strip(), size=size)
        elif act in ("pin", "unpin") and pinned:
            cid = numbers.choice(pinned)
            words = ("rm",) if act == "unpin" else ("add",)
            child.tell(begin=act, cid=cid)
            if act == "pin":
                _must(child.command("ipfs", "pin", *words, cid))
            else:
                _must(child.command("ipfs", "pin", *words, cid))
                pinned.remove(cid)
            child.tell(ack=act, cid=cid)
        elif act == "gc":
            child.tell(begin="gc")
            _must(child.command("gc"))
            child.tell(ack="gc")


def _threads(child: _Child) -> int:
    """Three threads put blocks under pins in one open home, until killed: acts share syncs."""
    from jiaozi_node.dag.pin import Pins
    from jiaozi_node.formats.block import Block
    from jiaozi_node.node.acts import acting
    from jiaozi_node.node.local_home import LocalHome

    home = LocalHome.open(Path(child.home))
    pins = Pins(home.names)
    assert home.blocks is not None  # opened before the threads begin
    base = child.request["serial"] * 1000

    def work(number: int) -> None:
        serial = base + number
        try:
            while True:
                serial += 3
                block = Block.of(content(serial, 500 + serial * 37 % 9000))
                with acting(home) as act:
                    with act.blocks.writer() as writer:
                        writer.put([block])
                    pins.add(block.cid)
                child.tell(ack="import", serial=serial, cid=str(block.cid), size=0)
        except BaseException:  # noqa: BLE001 - whatever it is, the test hears of it
            traceback.print_exc()
            os._exit(9)

    child.tell(ready=True)
    threads = [threading.Thread(target=work, args=(one,)) for one in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 0


def _rows(child: _Child) -> int:
    """Put many tiny blocks in acts of a thousand; *stop_at* ends it with the home left open."""
    from jiaozi_node.formats.block import Block
    from jiaozi_node.node.local_home import LocalHome

    home = LocalHome.open(Path(child.home))
    for at in range(0, child.request["count"], 1000):
        with home.blocks.writer() as writer:
            writer.put([Block.of(b"%d" % number) for number in range(at, at + 1000)])
        child.tell(ack="rows", count=at + 1000)
    os._exit(0)


def _collect(child: _Child) -> int:
    """Collect garbage, telling how much work of each kind it was; die amid the work *die* names."""
    from jiaozi_node.dag import marking
    from jiaozi_node.node.collecting import collect
    from jiaozi_node.node.local_home import LocalHome
    from jiaozi_node.stores.segments import pipeline
    from jiaozi_node.stores.segments.store import SegmentStore

    pipeline.QUEUE_BYTES = 0  # a chunk waits for the one before to be written
    marking.STEP_BLOCKS = child.request["step"]
    left = dict(child.request["die"])
    done = {"read": 0, "looked for": 0, "dropped": 0, "copied": 0}

    def count(kind: str, number: int) -> None:
        done[kind] += number
        if kind in left and done[kind] >= left[kind]:
            child.tell(died=kind, **done)
            os.kill(os.getpid(), 9)

    class Counting(SegmentStore):
        def get(self, cid: Any) -> Any:
            count("read", 1)
            return super().get(cid)

        def has(self, cids: Any) -> Any:
            count("looked for", len(cids))
            return super().has(cids)

        def drop(self, cids: Any) -> int:
            dropped = super().drop(cids)
            count("dropped", dropped)
            return dropped

    put = pipeline.Pipeline.put

    def counted(*arguments: Any, **options: Any) -> Any:
        count("copied", 1)
        return put(*arguments, **options)

    home = LocalHome.open(Path(child.home))
    assert home.blocks is not None
    home.blocks.inner.__class__ = Counting  # type: ignore[attr-defined]
    pipeline.Pipeline.put = counted  # type: ignore[method-assign]
    run = collect(home, child.request["now"])
    while True:
        try:
            next(run)
        except StopIteration as stop:
            ended = stop.value
            break
    home.close()
    child.tell(blocks=ended.blocks, resumed=ended.marked_before, **done)
    return 0


def _own(child: _Child) -> int:
    """Open the home when told by a file's removal, say whether it was got, hold it a moment."""
    from jiaozi_node.errors import Locked
    from jiaozi_node.node.local_home import LocalHome

    me = child.request["name"]
    gate = child.request["gate"]
    child.tell(ready=me)
    while os.path.exists(gate):
        time.sleep(0)
    try:
        home = LocalHome.open(Path(child.home), child.request["wait_s"])
    except Locked as locked:
        child.tell(name=me, got=False, why=str(locked))
        return 0
    began = time.monotonic_ns()
    home.names.get("pins", b"")
    child.tell(name=me, got=True)
    held = Path(child.request["held"])
    while held.exists():  # until the test has heard of both
        time.sleep(0.001)
    ended = time.monotonic_ns()
    home.close()
    child.tell(name=me, began=began, ended=ended)
    return 0


def _struck(child: _Child) -> int:
    """Run the command *words*, and die at call number *at* of those that change what is on disk."""
    from jiaozi_node.stores.names import SqliteNames

    left = [child.request["at"]]

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*arguments: Any, **options: Any) -> Any:
            left[0] -= 1
            if left[0] <= 0:
                os.kill(os.getpid(), 9)
            return call(*arguments, **options)

        return counting

    for name in ("write", "pwrite", "rename", "replace", "unlink", "fsync", "fdatasync", "mkdir"):
        setattr(os, name, counted(getattr(os, name)))
    SqliteNames.apply = counted(SqliteNames.apply)  # type: ignore[method-assign]
    return child.command(*child.request["words"])[0]


def _must(done: tuple[int, str]) -> str:
    code, out = done
    if code:
        os._exit(90 + code)
    return out


def _keep_open(path: Path) -> None:
    """Have commands share one home that is opened once and closed by nobody."""
    from jiaozi_node.node import opening
    from jiaozi_node.node.local_home import LocalHome

    class Kept(LocalHome):
        def close(self) -> None:
            """Stay open."""

    kept = Kept.open(path)

    def open_home(path: Path, wait_s: float = 0.0) -> LocalHome:
        return kept

    opening.open_home = open_home


def _daemon(child: _Child) -> int:
    """Be the daemon until killed; clients find it by the file ``api``."""
    from jiaozi_node.cli.main import main

    return main(["ipfs", "daemon", "--offline"])


SCRIPTS: dict[str, Callable[[_Child], int]] = {
    "commands": _commands,
    "loop": _loop,
    "threads": _threads,
    "rows": _rows,
    "collect": _collect,
    "own": _own,
    "struck": _struck,
    "daemon": _daemon,
}


def _serve(pipe: int) -> None:
    """Serve requests until standard input ends; no store is ever opened in this process."""
    from jiaozi_node.commands import registry
    from jiaozi_node.node import (
        branches,
        collecting,
        fsck,
        local_home,
        merging,
        recording,
        replaying,
        repository,
        resolving,
        tagging,
    )
    from jiaozi_node.stores import leases, names
    from jiaozi_node.stores.segments import store

    loaded: Sequence[object] = (collecting, fsck, local_home, repository, leases, names, store)
    loaded = (*loaded, branches, merging, recording, replaying, resolving, tagging)
    assert loaded
    for path in (("add",), ("commit",), ("ipfs", "add"), ("ipfs", "pin", "add"), ("gc",)):
        registry.load(path)
    for name in os.environ.get("ZYGOTE_LOADS", "").split():
        importlib.import_module(name)
    out = os.dup(1)
    for line in _lines():
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(request, pipe)
        os.write(out, b"%d\n" % pid)
        _pid, status = os.waitpid(pid, 0)
        os.write(out, b"%d\n" % os.waitstatus_to_exitcode(status))


def _lines() -> Iterator[bytes]:
    """Yield lines of standard input, reading nothing ahead that a child would inherit."""
    rest = b""
    while data := os.read(0, 1 << 16):
        *lines, rest = (rest + data).split(b"\n")
        yield from lines


def _become(request: Said, pipe: int) -> None:
    code = 99
    try:
        os.chdir(request["work"])
        os.environ["JIAOZI_PATH"] = request["home"]
        os.environ["LOGNAME"] = "tester"
        os.environ["HOME"] = os.path.dirname(request["work"])
        where = os.path.join(os.path.dirname(request["work"]), "output")
        fd = os.open(where, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(fd, 1)
        if not request.get("loud"):
            aside = os.open(where + ".err", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(aside, 2)
        code = SCRIPTS[request["script"]](_Child(request, pipe))
    except BaseException:  # noqa: BLE001 - a forked child must not return
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


if __name__ == "__main__":
    _serve(int(sys.argv[1]))

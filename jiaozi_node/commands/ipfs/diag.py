"""``ipfs diag …``: what the daemon is asked, what it runs on, and whether it is well."""

import os
import sys
from collections.abc import Iterator
from typing import Any

from jiaozi_node.commands.declare import Answer, Argument, Call, Command, Kind, Needs, Option
from jiaozi_node.commands.ipfs.version import KUBO_VERSION, go_machine
from jiaozi_node.errors import Misuse, Unavailable

_EMPTY = "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"


def cmds(call: Call) -> Iterator[Any]:
    """Yield the requests of late, as a list."""
    yield _journal(call, "diag cmds").rows()


def _cmds_text(rows: list[dict[str, Any]], call: Call) -> str:
    from jiaozi_node.commands.ipfs.go_text import table
    from jiaozi_node.formats import duration

    verbose = call.option("verbose")
    head = ("ID",) if verbose else ()
    middle = ("Arguments", "Options") if verbose else ()
    told: list[tuple[str, ...]] = [(*head, "Command", *middle, "Active", "StartTime", "RunTime")]
    for row in rows:
        options = "".join(f"{name}={_go(row['Options'][name])}," for name in sorted(row["Options"]))
        begun = _seconds(row["StartTime"])
        ended = call.now() if row["Active"] else _seconds(row["EndTime"])
        told.append(
            (
                *((str(row["ID"]),) if verbose else ()),
                row["Command"],
                *((f"[{' '.join(row['Args'])}]", f"[{options}]") if verbose else ()),
                _go(row["Active"]),
                _stamp(begun),
                duration.write(round(max(ended - begun, 0.0) * 1e9)),
            )
        )
    return table(told, 4, 2)


def _go(value: Any) -> str:  # noqa: ANN401 - of an option
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"[{' '.join(map(_go, value))}]" if isinstance(value, list) else str(value)


def _seconds(stamp: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp()


def _stamp(seconds: float) -> str:
    from datetime import UTC, datetime

    when = datetime.fromtimestamp(seconds, UTC)
    return f"{when:%b} {when.day:2d} {when:%H:%M:%S}"


def clear(call: Call) -> Iterator[Any]:
    """Forget the requests that have ended."""
    _journal(call, "diag cmds clear").clear()
    yield from ()


def set_time(call: Call) -> Iterator[Any]:
    """Say how long requests are remembered."""
    from jiaozi_node.commands.ipfs.go_text import duration_s

    _journal(call, "diag cmds set-time").keep(duration_s(call.args["time"]))
    yield from ()


def _journal(call: Call, name: str) -> Any:  # noqa: ANN401 - `http.rpc.journal.Journal`
    if call.journal is None:
        raise Unavailable(f"command must be run on the daemon: [{name}]")
    return call.journal


def sys_(call: Call) -> Iterator[dict[str, Any]]:
    """Yield what a helper wants to know of the machine."""
    path = call.home.path
    disk = os.statvfs(path)
    yield {
        "diskinfo": {
            "free_space": disk.f_bavail * disk.f_frsize,
            "fstype": "",
            "total_space": disk.f_blocks * disk.f_frsize,
        },
        "environment": {"GOPATH": "", "IPFS_PATH": str(path)},
        "ipfs_commit": "",
        "ipfs_version": KUBO_VERSION,
        "memory": {"swap": 0, "virt": _used_bytes()},
        "net": {"interface_addresses": _addresses(), "online": False},
        "runtime": {
            "arch": go_machine(),
            "compiler": sys.implementation.name,
            "gomaxprocs": os.cpu_count() or 1,
            "numcpu": os.cpu_count() or 1,
            "numgoroutines": _threads(),
            "os": sys.platform,
            "version": f"python{sys.version.split()[0]}",
        },
    }


def _threads() -> int:
    import threading

    return threading.active_count()


def _used_bytes() -> int:
    """Return the address space of this process, where the system tells."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def _addresses() -> list[str]:
    """Return the addresses that this machine's own name leads to, and loopback."""
    import socket

    found = {"/ip4/127.0.0.1": None}
    try:
        infos = socket.getaddrinfo(socket.gethostname(), None, type=socket.SOCK_STREAM)
    except OSError:
        infos = []
    for family, _, _, _, address in infos:
        kind = "ip6" if family is socket.AF_INET6 else "ip4"
        found[f"/{kind}/{str(address[0]).partition('%')[0]}"] = None
    return list(found)


def _line(value: Any, _call: Call) -> str:  # noqa: ANN401 - JSON
    from jiaozi_node.commands.json_text import line

    return line(value).decode("utf-8", "surrogateescape")


def healthy(call: Call) -> Iterator[str]:
    """Yield ``ok`` once the empty directory could be read."""
    from jiaozi_node.formats.cid import Cid
    from jiaozi_node.stores.api import BlockMissing

    try:
        call.home.blocks.get(Cid.parse(_EMPTY))
    except BlockMissing:  # it was collected, which is no illness
        call.home.names.version()
    yield "ok"


def profile(call: Call) -> Iterator[bytes]:
    """Yield a ZIP of what this process can tell of itself: versions, threads, counts."""
    import io
    import json
    import traceback
    import zipfile

    _journal(call, "diag profile")
    given = ",".join(call.option("collectors") or _COLLECTORS)
    wanted = {name.strip() for name in given.split(",")}
    if unknown := sorted(wanted - set(_COLLECTORS)):
        raise Misuse(f"unknown collector: {unknown[0]}")
    files = {}
    if "version" in wanted:
        files["version.json"] = json.dumps({"Version": KUBO_VERSION, "Python": sys.version})
    if "goroutines-stack" in wanted:
        files["threads.txt"] = "\n".join(
            f"thread {number}\n{''.join(traceback.format_stack(frame))}"
            for number, frame in sys._current_frames().items()
        )
    if "heap" in wanted:
        files["memory.json"] = json.dumps({"virtual_bytes": _used_bytes()})
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    yield out.getvalue()


_COLLECTORS = ("version", "goroutines-stack", "heap")


def _after_profile(call: Call, pieces: Iterator[Any]) -> Iterator[Any]:
    """Write the ZIP where it was asked for."""
    import time

    stamp = time.strftime("%Y-%m-%dT%H_%M_%SZ", time.gmtime(call.now()))
    target = call.option("output") or f"ipfs-profile-{stamp}.zip"
    data = b"".join(pieces)
    with open(os.path.join(call.cwd, target), "wb") as file:
        file.write(data)
    yield f"Wrote profiles to: {target}\n".encode("utf-8", "surrogateescape")


CMDS = Command(
    path=("ipfs", "diag", "cmds"),
    tagline="List commands run on this IPFS node.",
    handler=cmds,
    options=(Option("verbose", Kind.BOOL, "Print extra information.", ("v",)),),
    answer=Answer.VALUE,
    needs=Needs.NODE,
    text=_cmds_text,
)

CMDS_CLEAR = Command(
    path=("ipfs", "diag", "cmds", "clear"),
    tagline="Clear inactive requests from the log.",
    handler=clear,
    needs=Needs.NODE,
)

CMDS_SET_TIME = Command(
    path=("ipfs", "diag", "cmds", "set-time"),
    tagline="Set how long to keep inactive requests in the log.",
    handler=set_time,
    arguments=(Argument("time", "Time to keep inactive requests in log."),),
    needs=Needs.NODE,
)

SYS = Command(
    path=("ipfs", "diag", "sys"),
    tagline="Print system diagnostic information.",
    handler=sys_,
    answer=Answer.VALUE,
    text=_line,
)

HEALTHY = Command(
    path=("ipfs", "diag", "healthy"),
    tagline="Report whether the daemon is operational.",
    handler=healthy,
    answer=Answer.VALUE,
    text=_line,
)

PROFILE = Command(
    path=("ipfs", "diag", "profile"),
    tagline="Collect a performance profile for debugging.",
    handler=profile,
    options=(
        Option("output", Kind.TEXT, "The path where the output .zip should be stored.", ("o",)),
        Option("collectors", Kind.TEXTS, f"What to collect: {', '.join(_COLLECTORS)}."),
        Option("profile-time", Kind.TEXT, "Taken: nothing here is measured over time.", (), "30s"),
        Option("mutex-profile-fraction", Kind.INT, "Taken: locks are not counted.", (), 4),
        Option("block-profile-rate", Kind.TEXT, "Taken: waits are not counted.", (), "1ms"),
    ),
    answer=Answer.BYTES,
    needs=Needs.NODE,
    content_type="application/zip",
    after=_after_profile,
    text_only=True,
)

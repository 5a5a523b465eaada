"""What the daemon counts, in Prometheus's text format, version 0.0.4.

Labels are of fixed sets: names of commands that exist, statuses that we send. Nothing that a client
chose becomes one, so their number is bounded. A page is rendered when it is asked for.
"""

import os
import resource
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from jiaozi_node import __version__
from jiaozi_node.http.guard import Door
from jiaozi_node.node.collector import Collector
from jiaozi_node.node.home import Home
from jiaozi_node.node.measuring import measure

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
PATH: Final = "/debug/metrics/prometheus"  # Kubo's
_BOUNDS_S: Final = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: its name, its type (counter, gauge, histogram) and what it is."""

    name: str
    kind: str
    help: str
    samples: Iterable[tuple[str, Mapping[str, str], float]]


@dataclass(slots=True)
class Requests:
    """Requests that were answered: counted on the loop, rendered on any thread."""

    answered: Counter[tuple[str, int]] = field(default_factory=Counter)
    under_way: int = 0
    sent_bytes: int = 0
    _seconds: dict[str, list[float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, command: str, status: int, seconds: float) -> None:
        """Count one request for *command*, which took so long."""
        with self._lock:
            self.answered[command, status] += 1
            row = self._seconds.get(command)
            if row is None:
                row = self._seconds[command] = [0.0] * (len(_BOUNDS_S) + 2)
            for at, bound in enumerate(_BOUNDS_S):
                if seconds <= bound:
                    row[at] += 1
            row[-2] += 1
            row[-1] += seconds

    def families(self) -> Iterable[Family]:
        """Return what was counted."""
        with self._lock:
            answered = dict(self.answered)
            seconds = {command: tuple(row) for command, row in self._seconds.items()}
        yield Family(
            "jiaozi_rpc_requests_total", "counter", "RPC requests by command and status.",
            [("", {"command": c, "status": str(s)}, n) for (c, s), n in sorted(answered.items())],
        )  # fmt: skip
        yield Family(
            "jiaozi_rpc_request_seconds", "histogram", "Time from a request's head to its end.",
            [row for command in sorted(seconds) for row in _histogram(command, seconds[command])],
        )  # fmt: skip
        yield gauge("jiaozi_rpc_requests_in_progress", "RPC requests under way.", self.under_way)
        yield counter("jiaozi_rpc_sent_bytes_total", "Bytes of RPC answers.", self.sent_bytes)


def _histogram(
    command: str, row: tuple[float, ...]
) -> Iterable[tuple[str, Mapping[str, str], float]]:
    for bound, count in zip(_BOUNDS_S, row, strict=False):
        yield "_bucket", {"command": command, "le": f"{bound:g}"}, count
    yield "_bucket", {"command": command, "le": "+Inf"}, row[-2]
    yield "_sum", {"command": command}, row[-1]
    yield "_count", {"command": command}, row[-2]


def counter(name: str, help_: str, value: float) -> Family:
    """Return a counter without labels."""
    return Family(name, "counter", help_, [("", {}, value)])


def gauge(name: str, help_: str, value: float) -> Family:
    """Return a gauge without labels."""
    return Family(name, "gauge", help_, [("", {}, value)])


def process(started: float) -> Iterable[Family]:
    """Return what is usual of every process; *started* is in seconds since 1970."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    yield Family("jiaozi_info", "gauge", "What runs.", [("", {"version": __version__}, 1)])
    yield gauge("process_start_time_seconds", "Start, seconds since 1970.", started)
    yield counter(
        "process_cpu_seconds_total", "User and system CPU time.", used.ru_utime + used.ru_stime
    )
    yield gauge("process_threads", "Threads of Python.", threading.active_count())
    try:
        with open("/proc/self/statm") as file:
            virtual, resident, *_ = map(int, file.read().split())
        size = resource.getpagesize()
        yield gauge("process_virtual_memory_bytes", "Virtual memory.", virtual * size)
        yield gauge("process_resident_memory_bytes", "Resident memory.", resident * size)
        yield gauge("process_open_fds", "Open file descriptors.", len(os.listdir("/proc/self/fd")))
    except OSError:  # no /proc: not Linux
        peak = used.ru_maxrss
        yield gauge("process_peak_memory", "Peak memory, in the system's unit.", peak)
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield gauge("process_max_fds", "Most open file descriptors.", limit)


def of_door(name: str, door: Door) -> Iterable[Family]:
    """Return what a listener counts."""
    labels = {"listener": name}
    for what, kind, value, told in (
        ("connections", "gauge", door.inside, "Open connections."),
        ("connections_total", "counter", door.let_in, "Connections that were let in."),
        ("connections_refused_total", "counter", door.refused, "Connections over the limits."),
        ("connections_late_total", "counter", door.late, "Connections that kept us waiting."),
    ):
        yield Family(f"jiaozi_{what}", kind, told, [("", labels, value)])


def of_home(home: Home, collector: Collector | None) -> Iterable[Family]:
    """Return what the stores and the collector count."""
    found = measure(home, rows=False)
    yield gauge("jiaozi_blocks", "Blocks held.", found.blocks)
    yield gauge("jiaozi_block_bytes", "Bytes of blocks held.", found.block_bytes)
    yield gauge("jiaozi_dead_bytes", "Bytes of dropped blocks on disk.", found.dead_bytes)
    yield gauge("jiaozi_segments", "Segment files.", found.segments)
    yield Family("jiaozi_segment_bytes", "gauge", "Bytes of segments.", [
        ("", {"family": "public"}, found.public_bytes), ("", {"family": "own"}, found.own_bytes),
    ])  # fmt: skip
    yield gauge("jiaozi_index_bytes", "Bytes of the index of blocks.", found.index_bytes)
    yield gauge("jiaozi_names_bytes", "Bytes of names.db.", found.names_bytes)
    yield gauge("jiaozi_disk_free_bytes", "Bytes free where the home is.", found.free_bytes)
    if collector is not None:
        done = collector.done
        yield counter("jiaozi_gc_runs_total", "Collections that ended.", done.runs)
        yield counter("jiaozi_gc_blocks_total", "Blocks they dropped.", done.blocks)
        yield counter("jiaozi_gc_bytes_total", "Bytes of those blocks.", done.block_bytes)
        yield counter("jiaozi_gc_faults_total", "Collections that failed.", done.faults)
        yield counter("jiaozi_gc_seconds_total", "Time spent collecting.", done.seconds)


def render(families: Iterable[Family]) -> bytes:
    """Return *families* as a page."""
    lines: list[str] = []
    for one in families:
        lines += [f"# HELP {one.name} {one.help}", f"# TYPE {one.name} {one.kind}"]
        for suffix, labels, value in one.samples:
            shown = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items())
            lines.append(f"{one.name}{suffix}{'{' + shown + '}' if shown else ''} {_number(value)}")
    return ("\n".join(lines) + "\n").encode()


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


class Metrics:
    """All of the daemon's metrics; *sources* are asked when a page is."""

    def __init__(self) -> None:
        self.requests = Requests()
        self.sources: list[Callable[[], Iterable[Family]]] = [self.requests.families]
        self._started = time.time()

    def page(self) -> bytes:
        """Render everything there is."""
        found = [family for source in self.sources for family in source()]
        return render([*found, *process(self._started)])

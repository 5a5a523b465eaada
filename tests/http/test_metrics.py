"""The page of metrics: its format, and what stands in it."""

import re
from pathlib import Path

import pytest

from jiaozi_node.http.metrics import Family, Metrics, counter, of_home, render
from jiaozi_node.node.collector import Collector, Plan
from jiaozi_node.node.local_home import LocalHome
from tests.http.rpc.conftest import Node, node  # noqa: F401 - a fixture

LINE = re.compile(
    r"[a-z_]+(\{[a-z_]+=\"[^\"\n]*\"(,[a-z_]+=\"[^\"\n]*\")*\})? -?([0-9]+|[0-9.e+-]+)"
)


def samples(page: bytes) -> dict[str, float]:
    rows = [line.rpartition(" ") for line in page.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in rows}


def test_a_page_is_in_prometheus_format() -> None:
    metrics = Metrics()
    metrics.requests.count("cat", 200, 0.002)
    metrics.requests.count("cat", 200, 5)
    metrics.requests.count("", 404, 0.5)
    page = metrics.page()
    for line in page.decode().splitlines():
        assert line.startswith(("# HELP ", "# TYPE ")) or LINE.fullmatch(line), line
    found = samples(page)
    assert found['jiaozi_rpc_requests_total{command="cat",status="200"}'] == 2
    assert found['jiaozi_rpc_requests_total{command="",status="404"}'] == 1
    buckets = [found[f'jiaozi_rpc_request_seconds_bucket{{command="cat",le="{le}"}}']
               for le in ("0.001", "0.003", "3", "10", "+Inf")]  # fmt: skip
    assert buckets == [0, 1, 1, 2, 2]
    assert found['jiaozi_rpc_request_seconds_sum{command="cat"}'] == 5.002
    assert found["process_open_fds"] > 0


def test_labels_are_escaped_and_whole_numbers_written_whole() -> None:
    odd = Family("a", "gauge", "h", [("", {"l": 'x"\\\n'}, 1.5)])
    assert render([odd, counter("b", "h", 2.0)]) == (
        b'# HELP a h\n# TYPE a gauge\na{l="x\\"\\\\\\n"} 1.5\n# HELP b h\n# TYPE b counter\nb 2\n'
    )


def test_what_the_home_and_the_collector_count(tmp_path: Path) -> None:
    home = LocalHome.create(tmp_path / "home")
    collector = Collector(home, Plan(1.0, 0))
    collector.look()
    found = samples(render(of_home(home, collector)))
    assert found["jiaozi_blocks"] == found["jiaozi_gc_blocks_total"] == 0
    assert found["jiaozi_gc_runs_total"] == 1
    assert found['jiaozi_segment_bytes{family="own"}'] == 0
    assert "jiaozi_gc_runs_total" not in samples(render(of_home(home, None)))
    home.close()


@pytest.mark.asyncio
async def test_the_page_is_had_by_get_and_requests_are_counted(node: Node) -> None:  # noqa: F811
    await node.post("version")
    await node.post("cat?arg=nonsense")
    await node.post("made-up-by-a-client")
    await node.post("id", Origin="http://evil.example")
    host = f"Host: 127.0.0.1:{node.port}\r\n\r\n".encode()
    got = await node.send(b"GET /debug/metrics/prometheus HTTP/1.1\r\n" + host)
    assert got.status == 200
    assert got.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    counted = {
        name.partition("{")[2]: value
        for name, value in samples(got.body).items()
        if name.startswith("jiaozi_rpc_requests_total")
    }
    assert counted == {
        'command="version",status="200"}': 1, 'command="cat",status="500"}': 1,
        'command="",status="404"}': 1, 'command="",status="403"}': 1,
    }  # fmt: skip
    assert b"made-up" not in got.body


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("method", "head", "status"),
    [
        ("GET", "Host: rebound.example", 403),
        ("GET", "Host: localhost\r\nOrigin: http://evil.example", 403),
        ("POST", "Host: localhost", 404),
        ("PUT", "Host: localhost", 405),
    ],
)
async def test_the_page_is_for_whom_the_rpc_is(
    node: Node,  # noqa: F811
    method: str,
    head: str,
    status: int,
) -> None:
    raw = f"{method} /debug/metrics/prometheus HTTP/1.1\r\n{head}\r\n\r\n".encode()
    assert (await node.send(raw)).status == status

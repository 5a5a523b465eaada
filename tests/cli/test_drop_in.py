"""The daemon in the place of Kubo's: what tools that start a node do to its home and to it."""

import json
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import JIAOZI, jiaozi, running

LOOPBACK = "/ip4/127.0.0.1/tcp/0"

# What `ipfs config show` of Kubo 0.43 has beside ours, nulls and all: tools write all of it back.
KUBOS: dict[str, Any] = {
    "Datastore": {
        "StorageMax": "10GB", "StorageGCWatermark": 90, "GCPeriod": "1h", "HashOnRead": False,
        "Spec": {"mounts": [{"mountpoint": "/blocks", "sync": False}], "type": "mount"},
        "BloomFilterSize": 0, "BlockKeyCacheSize": None,
    },
    "Mounts": {"IPFS": "/ipfs", "IPNS": "/ipns", "MFS": "/mfs", "FuseAllowOther": None},
    "Discovery": {"MDNS": {"Enabled": False}},
    "Routing": {"LoopbackAddressesOnLanDHT": True, "DelegatedRouters": None, "Type": None},
    "Ipns": {"RepublishPeriod": "", "ResolveCacheSize": 128, "DelegatedPublishers": None},
    "Bootstrap": None,
    "Gateway": {
        "HTTPHeaders": None, "RootRedirect": "", "NoFetch": False, "NoDNSLink": False,
        "DeserializedResponses": None, "DisableHTMLErrors": None, "PublicGateways": None,
        "ExposeRoutingAPI": None,
    },
    "API": {"HTTPHeaders": None, "Authorizations": None},
    "Swarm": {"AddrFilters": None, "RelayClient": {}, "Transports": {"Network": {}}, "ConnMgr": {}},
    "AutoNAT": {}, "AutoTLS": {}, "Pubsub": {"Router": "", "DisableSigning": False},
    "Peering": {"Peers": None}, "DNS": {"Resolvers": None}, "Migration": {}, "AutoConf": {},
    "Provide": {"DHT": {}}, "Provider": {}, "Reprovider": {}, "HTTPRetrieval": {},
    "Experimental": {"FilestoreEnabled": False}, "Plugins": {"Plugins": None},
    "Pinning": {"RemoteServices": None}, "Import": {"CidVersion": None, "UnixFSChunker": None},
    "Version": {}, "Internal": {},
}  # fmt: skip


@pytest.fixture
def home(environ: dict[str, str]) -> Path:
    assert jiaozi(environ, "ipfs", "init", "--profile=test").returncode == 0
    return Path(environ["JIAOZI_PATH"])


def rewrite(home: Path, **sections: Any) -> None:
    """Replace sections of the config, as a tool does."""
    values = json.loads((home / "config").read_text())
    (home / "config").write_text(json.dumps({**values, **sections}))


def ask(home: Path, command: str) -> bytes:
    port = (home / "api").read_text().rpartition("/")[2]
    url = f"http://127.0.0.1:{port}/api/v0/{command}"
    with urllib.request.urlopen(urllib.request.Request(url, method="POST")) as answer:
        data: bytes = answer.read()
    return data


def test_a_config_with_all_that_kubo_knows_is_taken(environ: dict[str, str], home: Path) -> None:
    swarm = [LOOPBACK, "/ip4/127.0.0.1/udp/0/quic-v1", "/ip4/127.0.0.1/tcp/0/ws"]
    addresses = {"API": [LOOPBACK], "Gateway": None, "Swarm": swarm, "Announce": None}
    rewrite(home, **KUBOS, Addresses=addresses)
    with running(environ, "--offline=true", port=None) as (_, lines):
        assert lines[-1] == "Daemon is ready"
        ask(home, "config?arg=Datastore.StorageMax&arg=10GB")  # so that it is written anew
    kept = json.loads((home / "config").read_text())
    assert {name: kept[name] for name in KUBOS} == KUBOS  # nothing is lost or filled in


def test_addresses_of_other_transports_are_passed_over(environ: dict[str, str], home: Path) -> None:
    api = ["/ip4/127.0.0.1/udp/0/quic-v1", LOOPBACK, "/ip4/127.0.0.1/tcp/0/tls/http"]
    rewrite(home, Addresses={"API": api, "Gateway": []})
    with running(environ, port=None) as (process, lines):
        assert sum("RPC API server listening" in line for line in lines) == 1
        assert json.loads(ask(home, "version"))["Version"] == "0.43.0"
        process.send_signal(signal.SIGTERM)
        _, logged = process.communicate(timeout=20)
    told = [line.rpartition("\t")[2] for line in logged.splitlines()]
    assert told == [
        f"Addresses.API: not listening on {text}: TCP and UNIX sockets only"
        for text in (api[0], api[2])
    ]


def test_files_of_a_killed_daemon_mislead_nobody(environ: dict[str, str], home: Path) -> None:
    (home / "api").write_text("/ip4/127.0.0.1/tcp/1")
    (home / "gateway").write_text("http://127.0.0.1:1")
    rewrite(home, Addresses={"API": [], "Gateway": []})
    with running(environ, port=None) as (_, lines):
        assert "Daemon is ready" in lines
        assert not (home / "api").exists()
        assert not (home / "gateway").exists()


@pytest.mark.parametrize("how", ["signal", "shutdown"])
def test_clients_that_keep_their_connection_delay_no_end(
    environ: dict[str, str], home: Path, how: str
) -> None:
    """ipfsd-ctl kills after a second, and its own client holds connections open meanwhile."""
    with running(environ, "--grace=60s") as (process, _):
        port = int((home / "api").read_text().rpartition("/")[2])
        with socket.create_connection(("127.0.0.1", port)) as kept:
            kept.sendall(b"POST /api/v0/version HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"200 OK" in kept.recv(4096)
            if how == "signal":
                process.send_signal(signal.SIGTERM)
            else:
                ask(home, "shutdown")
            assert process.wait(20) == 0  # far below the grace


def slow_upload(port: int) -> socket.socket:
    """Begin an ``add``, see that it is at work, and leave its body open."""
    sock = socket.create_connection(("127.0.0.1", port))
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    sock.sendall(
        b"POST /api/v0/add?progress=true HTTP/1.1\r\nHost: localhost\r\n"
        b"Transfer-Encoding: chunked\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n"
        + chunk(head + bytes(1 << 20))
    )
    said = b""
    while b'"Bytes":' not in said:
        said += sock.recv(4096)
    return sock


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def test_work_under_way_is_waited_for(environ: dict[str, str], home: Path) -> None:
    with running(environ, "--grace=30s") as (process, _):
        port = int((home / "api").read_text().rpartition("/")[2])
        with slow_upload(port) as sock:
            process.send_signal(signal.SIGTERM)
            assert process.stdout is not None
            assert process.stdout.readline().startswith("Received interrupt signal")
            sock.sendall(chunk(b"\r\n--b--\r\n") + b"0\r\n\r\n")
            answer = b"".join(iter(lambda: sock.recv(4096), b""))
        assert b'"Name":"a"' in answer
        assert answer.endswith(b"0\r\n\r\n")
        assert process.wait(20) == 0


def test_work_that_does_not_end_is_cut_off_at_the_grace(
    environ: dict[str, str], home: Path
) -> None:
    with running(environ, "--grace=200ms") as (process, _):
        port = int((home / "api").read_text().rpartition("/")[2])
        with slow_upload(port):
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) in (0, 4)  # within its grace, not when the client pleases


def test_a_second_signal_ends_at_once(environ: dict[str, str], home: Path) -> None:
    with running(environ, "--grace=1h") as (process, _):
        port = int((home / "api").read_text().rpartition("/")[2])
        with slow_upload(port):
            process.send_signal(signal.SIGTERM)
            assert process.stdout is not None
            assert process.stdout.readline().startswith("Received interrupt signal")
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 1
    assert jiaozi(environ, "fsck").returncode == 0


def test_daemon_init_takes_a_config_and_profiles(environ: dict[str, str], tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.write_text('{"Addresses": {"API": [], "Gateway": []}, "Tool": {"Kept": null}}')
    words = ("--init", "--init-config", str(given), "--init-profile=server,unixfs-v1-2025")
    process = subprocess.Popen(
        [*JIAOZI, "ipfs", "daemon", *words], env=environ, text=True, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if line == "Daemon is ready\n":
                break
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    config = json.loads((Path(environ["JIAOZI_PATH"]) / "config").read_text())
    assert config["Tool"] == {"Kept": None}
    assert config["Import"]["CidVersion"] == 1
    assert config["Swarm"]["DisableNatPortMap"] is True
    assert config["Addresses"]["API"] == []
    assert "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn recursive" in (
        jiaozi(environ, "ipfs", "pin", "ls").stdout
    )


def test_a_link_named_ipfs_is_the_kubo_face(environ: dict[str, str], tmp_path: Path) -> None:
    script = tmp_path / "jiaozi"
    script.write_text(f"#!{sys.executable}\nfrom jiaozi_node.cli.entry import entry\nentry()\n")
    script.chmod(0o755)
    (tmp_path / "ipfs").symlink_to(script)
    said = [
        subprocess.run([tmp_path / name, "version"], env=environ, capture_output=True, text=True,
                       check=True).stdout
        for name in ("ipfs", "jiaozi")
    ]  # fmt: skip
    assert said[0] == "ipfs version 0.43.0\n"
    assert said[1].startswith("jiaozi ")


def test_the_log_can_be_json_and_its_levels_changed(environ: dict[str, str], home: Path) -> None:
    rewrite(home, Addresses={"API": [LOOPBACK, "/memory/x"], "Gateway": []})
    settings = {"JIAOZI_LOG_FORMAT": "json", "GOLOG_LOG_LEVEL": "warn,stores=debug"}
    with running(environ | settings, port=None) as (process, _):
        assert jiaozi(environ, "ipfs", "log", "level").stdout == "warn\n"
        assert jiaozi(environ, "ipfs", "log", "level", "stores").stdout == "debug\n"
        assert jiaozi(environ, "ipfs", "log", "level", "http", "info").stdout == (
            "Changed log level of 'http' to 'info'\n"
        )
        said = jiaozi(environ, "ipfs", "log", "level", "all").stdout
        assert said.startswith("(default): warn\n")
        assert "http: info\n" in said
        assert jiaozi(environ, "ipfs", "log", "level", "all", "loud").returncode == 1
        process.send_signal(signal.SIGTERM)
        _, logged = process.communicate(timeout=20)
    (entry,) = map(json.loads, logged.splitlines())
    assert (entry["level"], entry["logger"]) == ("warn", "http.listening")
    assert "/memory/x" in entry["msg"]


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("JIAOZI_LOG_LEVEL", "loud", 'jiaozi: JIAOZI_LOG_LEVEL: unrecognized level: "loud"\n'),
        ("JIAOZI_LOG_FORMAT", "xml", "jiaozi: JIAOZI_LOG_FORMAT is 'xml': write text or json\n"),
    ],
)
def test_a_wrong_setting_of_the_log_is_said(
    environ: dict[str, str], home: Path, name: str, value: str, says: str
) -> None:
    done = jiaozi(environ | {name: value}, "daemon")
    assert (done.returncode, done.stderr) == (2, says)


def test_garbage_is_collected_when_the_home_grows(environ: dict[str, str], home: Path) -> None:
    added = jiaozi(environ, "ipfs", "add", "-Q", "--pin=false", str(Path(__file__))).stdout.strip()
    values = json.loads((home / "config").read_text())["Datastore"]
    plan = {"GCPeriod": "10ms", "StorageMax": "1KB", "StorageGCWatermark": 50}
    rewrite(home, Datastore=values | plan)
    with running(environ, "--enable-gc") as (process, _):
        port = (home / "api").read_text().rpartition("/")[2]
        url = f"http://127.0.0.1:{port}/debug/metrics/prometheus"
        page = b""
        while not re.search(
            rb"jiaozi_gc_blocks_total [1-9]", page
        ):  # the test's own time limits it
            with urllib.request.urlopen(url) as answer:
                page = answer.read()
        assert b'jiaozi_connections{listener="rpc"} ' in page
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert jiaozi(environ, "ipfs", "cat", added).returncode == 1


def test_a_service_manager_is_told(environ: dict[str, str], home: Path, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        with running(environ | {"NOTIFY_SOCKET": str(tmp_path / "notify")}) as (process, _):
            assert manager.recv(64) == b"READY=1"
            process.send_signal(signal.SIGTERM)
            assert manager.recv(64) == b"STOPPING=1"
            assert process.wait(20) == 0

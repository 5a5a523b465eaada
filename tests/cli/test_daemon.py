"""``jiaozi daemon`` as a process: its lines, its files, commands beside it, and how it ends."""

import signal
import subprocess
import urllib.request
from pathlib import Path

import pytest

from jiaozi_node.node.wire import SOCKET
from tests.cli.conftest import JIAOZI, jiaozi, running


def test_it_says_kubos_lines_and_writes_the_api_file(environ: dict[str, str]) -> None:
    home = Path(environ["JIAOZI_PATH"])
    with running(environ) as (process, lines):
        api = (home / "api").read_text()
        assert lines[0] == "Initializing daemon..."
        gateway = (home / "gateway").read_text()
        listening = gateway.replace("http://127.0.0.1:", "/ip4/127.0.0.1/tcp/")
        assert lines[-3:] == [
            f"RPC API server listening on {api}",
            f"Gateway server listening on {listening}",
            "Daemon is ready",
        ]
        assert api.startswith("/ip4/127.0.0.1/tcp/")
        url = f"http://127.0.0.1:{api.rpartition('/')[2]}/api/v0/version"
        with urllib.request.urlopen(urllib.request.Request(url, method="POST")) as answer:
            assert b'"Version":"0.43.0"' in answer.read()
        with urllib.request.urlopen(url.replace("v0/version", "v1/openapi.json")) as answer:
            assert answer.read(20) == b'{"openapi":"3.1.0","'
        with urllib.request.urlopen(f"{gateway}/ipfs/bafkqabtimvwgy3yk") as answer:
            assert answer.read() == b"hello\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert not (home / "api").exists()
    assert not (home / "gateway").exists()
    assert not (home / SOCKET).exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_commands_work_beside_it_and_after_it(environ: dict[str, str], number: int) -> None:
    with running(environ) as (process, _):
        work = str(Path(environ["HOME"]) / "work")
        assert jiaozi(environ, "init", work).returncode == 0
        added = subprocess.run(
            [*JIAOZI, "ipfs", "add", "-Q"], env=environ, input="hello\n", text=True,
            capture_output=True, check=True,
        ).stdout.strip()  # fmt: skip
        assert jiaozi(environ, "cat", added).stdout == "hello\n"
        dropped = jiaozi(environ, "gc", "--json")  # done by the daemon
        assert '"dryRun":false' in dropped.stdout
        assert jiaozi(environ, "fsck").returncode == 0
        assert jiaozi(environ, "cat", "HEAD").returncode == 3
        process.send_signal(number)
        assert process.wait(10) == 0
    assert jiaozi(environ, "cat", added).stdout == "hello\n"
    assert jiaozi(environ, "fsck").returncode == 0


def test_it_watches_working_copies_when_told_to(environ: dict[str, str]) -> None:
    work = Path(environ["HOME"]) / "work"
    assert jiaozi(environ, "init", str(work)).returncode == 0
    with running(environ, "--watch") as (process, _):
        for number in range(4):  # the first begins the watch
            (work / f"{number}").touch()
            said = jiaozi(environ, "status", "-s", cwd=work)
            assert said.stdout == "".join(f"?? {at}\n" for at in range(number + 1))
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


@pytest.mark.parametrize("how", ["command", "request"])
def test_it_ends_when_asked_to(environ: dict[str, str], how: str) -> None:
    with running(environ) as (process, _):
        if how == "command":
            asked = jiaozi(environ, "ipfs", "shutdown")
            assert (asked.returncode, asked.stdout) == (0, "")
        else:
            port = (Path(environ["JIAOZI_PATH"]) / "api").read_text().rpartition("/")[2]
            url = f"http://127.0.0.1:{port}/api/v0/shutdown"
            with urllib.request.urlopen(urllib.request.Request(url, method="POST")) as answer:
                assert (answer.status, answer.read()) == (200, b"")
        assert process.wait(10) == 0
    alone = jiaozi(environ, "ipfs", "shutdown")
    assert (alone.returncode, alone.stderr) == (1, "Error: daemon is not running\n")


def test_a_killed_daemon_is_in_nobodys_way(environ: dict[str, str]) -> None:
    with running(environ) as (process, _):
        process.kill()
        process.wait()
    assert (Path(environ["JIAOZI_PATH"]) / SOCKET).exists()
    assert jiaozi(environ, "fsck").returncode == 0
    with running(environ) as (process, lines):
        assert lines[-1] == "Daemon is ready"


def test_a_second_daemon_and_a_taken_port_are_refused(
    environ: dict[str, str], tmp_path: Path
) -> None:
    with running(environ) as (process, _):
        port = (Path(environ["JIAOZI_PATH"]) / "api").read_text().rpartition("/")[2]
        second = jiaozi(environ, "daemon")
        assert second.returncode == 7
        assert f"a daemon holds the node home {environ['JIAOZI_PATH']} already" in second.stderr
        other = environ | {"JIAOZI_PATH": str(tmp_path / "other")}
        assert jiaozi(other, "ipfs", "init").returncode == 0
        jiaozi(other, "ipfs", "config", "Addresses.API", f"/ip4/127.0.0.1/tcp/{port}")
        taken = jiaozi(other, "daemon")
        assert (taken.returncode, taken.stderr) == (
            4,
            f"jiaozi: can't listen on /ip4/127.0.0.1/tcp/{port}: address already in use\n",
        )
        assert not (tmp_path / "other" / "api").exists()
        assert process.poll() is None


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--grace", "soon"), 2, 'invalid duration "soon"'),
        (("--grace", "2h"), 2, "not between 0s and 1h"),
        ((), 3, "no node home at"),
    ],
)
def test_what_it_can_not_begin_with_is_said(
    environ: dict[str, str], words: tuple[str, ...], code: int, says: str
) -> None:
    done = jiaozi(environ, "daemon", *words)
    assert (done.returncode, says in done.stderr) == (code, True)
    assert len(done.stderr.splitlines()) == 1


def test_init_makes_the_home_first(environ: dict[str, str]) -> None:
    process = subprocess.Popen(
        [*JIAOZI, "ipfs", "daemon", "--init", "--offline=true"], env=environ, text=True,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:  # port 5001 may be taken here: the home is made all the same
            lines.append(line)
            if "ready" in line:
                break
        assert any("initialized a node home" in line for line in lines)
    finally:
        process.kill()
        process.communicate()

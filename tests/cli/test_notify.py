"""What a service manager is told, and that nobody needs one."""

import socket
from pathlib import Path

import pytest

from jiaozi_node.cli.notify import notify


def test_the_socket_gets_the_state(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        notify({"NOTIFY_SOCKET": path}, "READY=1")
        assert manager.recv(64) == b"READY=1"


def test_an_abstract_socket_too() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("")  # the system chooses an abstract name
        name = manager.getsockname()
        notify({"NOTIFY_SOCKET": "@" + name[1:].decode()}, "STOPPING=1")
        assert manager.recv(64) == b"STOPPING=1"


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:1"}])
def test_without_a_manager_nothing_happens(
    environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    notify(environ, "READY=1")
    assert not caplog.records


def test_a_deaf_manager_is_told_of_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    notify({"NOTIFY_SOCKET": str(tmp_path / "nobody")}, "READY=1")
    assert caplog.messages == ["can't tell the service manager: No such file or directory"]

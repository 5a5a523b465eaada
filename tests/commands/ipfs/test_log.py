"""``ipfs log``: for who runs the daemon."""

import pytest

from tests.commands.conftest import Run

pytestmark = pytest.mark.parametrize("held", ["alone"], indirect=True)


def test_without_a_daemon_there_is_no_log_to_change(jiaozi: Run) -> None:
    jiaozi("ipfs", "init")
    for words, name in ((("level", "all", "debug"), "level"), (("tail",), "tail")):
        said = jiaozi("ipfs", "log", *words, code=1)
        assert said.err == f"Error: command must be run on the daemon: [log {name}]\n"
    assert "http\n" in jiaozi("ipfs", "log", "ls").out

"""Levels of the log by subsystem, in go-log's words, and what an entry looks like."""

import json
import logging
import sys
from collections.abc import Iterator

import pytest

from jiaozi_node.errors import Misuse, NotFound, Unavailable
from jiaozi_node.node import log_levels


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger().level
    yield
    log_levels.change("*", "error")
    logging.getLogger(log_levels.OURS).setLevel(logging.NOTSET)
    logging.getLogger().setLevel(root)


def test_one_subsystem_and_all() -> None:
    assert log_levels.change("*", "info") == "info"
    assert log_levels.default() == log_levels.of("http") == "info"
    assert log_levels.change("http", "debug") == "debug"
    assert (log_levels.of("http"), log_levels.of("node")) == ("debug", "info")
    assert logging.getLogger("jiaozi_node.http.rpc.work").isEnabledFor(logging.DEBUG)
    assert not logging.getLogger("jiaozi_node.node.wire").isEnabledFor(logging.DEBUG)
    assert log_levels.change("http", "default") == "info"
    assert log_levels.of("http") == "info"
    log_levels.change("http", "debug")
    log_levels.change("*", "fatal")  # all means all
    assert set(log_levels.levels().values()) == {"fatal"}


def test_a_level_that_is_none_and_a_subsystem_that_is_not_known() -> None:
    with pytest.raises(Misuse, match='unrecognized level: "loud"'):
        log_levels.change("*", "loud")
    with pytest.raises(NotFound, match="error: No such logger"):
        log_levels.of("elsewhere")
    assert log_levels.change("elsewhere", "info") == "info"
    assert log_levels.of("elsewhere") == "info"
    assert "elsewhere" in log_levels.names()


def test_subsystems_have_limits() -> None:
    with pytest.raises(Misuse, match="no more subsystems"):
        log_levels.change("x" * 65, "info")
    for number in range(log_levels.MAX_NAMES):
        log_levels.change(f"x{number}", "info")
    with pytest.raises(Misuse, match="256 of 64 characters are the most"):
        log_levels.change("one-more", "info")
    log_levels.change("x0", "debug")


def test_the_environments_setting() -> None:
    log_levels.set_up("error,http=debug,stores=info")
    assert [log_levels.of(name) for name in ("node", "http", "stores")] == [
        "error",
        "debug",
        "info",
    ]
    for text in ("loud", "info,http", "info,http=loud"):
        with pytest.raises(Misuse, match=r"unrecognized level|a log level is 'http'"):
            log_levels.set_up(text)


def record(message: str, fault: bool = False) -> logging.LogRecord:
    info = None
    if fault:
        try:
            raise ValueError("why")
        except ValueError:
            info = sys.exc_info()
    made = logging.LogRecord("jiaozi_node.http", logging.ERROR, "f", 1, message, (), info)
    made.created, made.msecs = 1000.0, 7.0
    return made


def test_an_entry_is_one_line_whatever_is_said() -> None:
    text = log_levels.AsText().format(record("a\nERROR\tforged\x1b[31m ü"))
    assert text == "1970-01-01T00:16:40.007Z\tERROR\thttp\ta\\nERROR\\tforged\\x1b[31m ü"
    line = log_levels.AsJson().format(record("a\nb", fault=True))
    assert "\n" not in line
    entry = json.loads(line)
    assert (entry["level"], entry["logger"], entry["msg"]) == ("error", "http", "a\nb")
    assert "ValueError: why" in entry["stacktrace"]
    assert "ValueError: why" in log_levels.AsText().format(record("a", fault=True))


def test_the_log_is_read_as_it_goes_by_so_many_at_a_time() -> None:
    log_levels.change("*", "info")
    readers = [log_levels.tail() for _ in range(log_levels.MAX_TAILS)]
    assert next(readers[0]) == ""  # nothing yet
    logging.getLogger("jiaozi_node.http").info("said")
    entry = json.loads(next(readers[0]))
    assert (entry["level"], entry["msg"]) == ("info", "said")
    for one in readers[1:]:
        logging.getLogger("jiaozi_node.http").info("said")
        next(one)
    with pytest.raises(Unavailable, match="read by 8 clients"):
        next(log_levels.tail())
    readers[0].close()  # type: ignore[attr-defined]
    again = log_levels.tail()
    assert next(again) == ""
    for one in (*readers[1:], again):
        one.close()  # type: ignore[attr-defined]
    assert not any(isinstance(one, log_levels._Queued) for one in logging.getLogger().handlers)

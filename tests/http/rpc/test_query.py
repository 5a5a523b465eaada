"""Request lines: the path's command, arguments, options by every name, faults in Kubo's words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.errors import LimitExceeded, Misuse
from jiaozi_node.http.rpc import query
from jiaozi_node.http.rpc.query import Given, UnknownCommand

NO = "could not convert"


def read(path: str, given: str = "", *, body: bool = False) -> Given:
    return query.read(query.target("/api/v0/" + path), given, has_body=body)


@pytest.mark.parametrize(
    "path",
    [
        "nothing",
        "pin/nothing",
        "pin/nothing/x",
        "",
        "config/edit",
        "key/export/x",
        "key/rotate",
        "repo/migrate",
        "init",
        "cat/a/b",
        "log/../version",
    ],
)
def test_unknown_commands_are_not_found(path: str) -> None:
    with pytest.raises(UnknownCommand):
        query.target("/api/v0/" + path)
    with pytest.raises(UnknownCommand):
        query.target("/api/v1/version")


def test_the_last_element_of_a_path_may_be_the_first_argument() -> None:
    assert read("cat/Qm%2Fx", "arg=b").args == {"ipfs_path": ("Qm/x", "b")}
    assert read("version").args == {}


def test_options_go_by_any_of_their_names() -> None:
    assert read("pin/ls", "t=all").options["type"] == "all"
    assert read("pin/ls", "type=direct&q=").options == read("pin/ls", "quiet=1&t=direct").options
    assert read("ls", "arg=a&size=false").options["size"] is False
    assert read("version", "enc=text&timeout=1s&nonsense=7").globals == {
        "encoding": "text",
        "timeout": "1s",
    }


@pytest.mark.parametrize(
    ("path", "given", "says"),
    [
        ("pin/ls", "t=a&t=b", "expected key type to have only a single value, received [a b]"),
        ("pin/ls", "type=a&t=b", 'duplicate command options were provided ("type" and "t")'),
        ("ls", "arg=x&size=85675", f'{NO} value "85675" to type "bool" (for option "-size")'),
        ("cat", "arg=x&offset=", f'{NO} empty value to type "int64" (for option "-offset")'),
        ("cat", "arg=x&o=x", f'{NO} value "x" to type "int64" (for option "-o")'),
        ("add", "", "file argument 'path' is required"),
        ("block/rm", "", 'argument "cid" is required'),
    ],
)  # fmt: skip
def test_faults_have_kubos_words(path: str, given: str, says: str) -> None:
    with pytest.raises(Misuse) as caught:
        read(path, given)
    assert str(caught.value) == says


def test_an_argument_may_come_in_the_body() -> None:
    found = read("pin/add", "recursive=false", body=True)
    assert found.missing_on_stdin is not None
    assert found.missing_on_stdin.name == "ipfs-path"
    assert read("pin/add", "arg=x").missing_on_stdin is None
    with pytest.raises(Misuse, match='argument "ipfs-path" is required'):
        read("pin/add", "recursive=false")


def test_more_arguments_than_declared_mean_nothing() -> None:
    assert read("version", "arg=a&arg=b").args == {}


def test_pairs_are_read_as_go_reads_them() -> None:
    assert query.pairs("a=1+2%2B&b&c=%zz&d=1;2&=e&&f=%ff") == [
        ("a", "1 2+"), ("b", ""), ("", "e"), ("f", "\udcff"),
    ]  # fmt: skip


@given(st.text("ab%+&=;20zé", max_size=30))
def test_any_query_is_read_or_left_out(text: str) -> None:
    for name, value in query.pairs(text):
        assert "&" not in name + value or "%26" in text


def test_arguments_have_a_limit() -> None:
    many = "&".join(["arg=x"] * (query.MAX_ARGUMENTS + 1))
    with pytest.raises(LimitExceeded, match="query is 10001 arguments, over the limit of 10000"):
        read("cat", many)

"""Multipart bodies: RFC 2046, the forms that Kubo's clients send, and what is refused."""

import email.message
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jiaozi_node.errors import LimitExceeded, Malformed
from jiaozi_node.http.rpc import multipart
from jiaozi_node.http.rpc.multipart import BadMultipart, Begin, End, Parser

BOUNDARY = b"xYz"
Part = tuple[dict[str, str], bytes]


def written(parts: list[Part], boundary: bytes = BOUNDARY) -> bytes:
    out = []
    for headers, body in parts:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        out.append(b"--" + boundary + b"\r\n" + lines.encode() + b"\r\n" + body + b"\r\n")
    return b"".join(out) + b"--" + boundary + b"--\r\n"


def read(body: bytes, cuts: list[int], boundary: bytes = BOUNDARY) -> list[Part]:
    """Feed *body* cut at *cuts*; gather the parts."""
    parser = Parser(boundary)
    found: list[tuple[dict[str, str], list[bytes]]] = []
    ended = 0
    places = sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts)})
    for start, stop in pairwise(places):
        for event in parser.feed(body[start:stop]):
            if isinstance(event, Begin):
                assert len(found) == ended
                found.append((event.headers, []))
            elif isinstance(event, End):
                ended += 1
            else:
                found[-1][1].append(bytes(event))
    parser.end()
    assert ended == len(found)
    return [(headers, b"".join(pieces)) for headers, pieces in found]


def holds_boundary(body: bytes) -> bool:
    around = b"\r\n" + body + b"\r\n"
    return any(b"\r\n--" + BOUNDARY + after in around for after in (b" ", b"\t", b"\r", b"-"))


NEARLY = [b"\r\n", b"\r", b"\n", b"--xYz", b"--", b"x", b"\r\n--xY", b"\r\n--xYzz"]
content = st.one_of(
    st.binary(max_size=60), st.lists(st.sampled_from(NEARLY), max_size=8).map(b"".join)
).filter(lambda body: not holds_boundary(body))
headers = st.dictionaries(
    st.sampled_from(["content-type", "abspath-encoded", "x-a"]),
    st.text('abc/;=" é', max_size=9).map(str.strip),
    max_size=3,
)
cuts = st.lists(st.integers(0, 2000), max_size=12)


@given(parts=st.lists(st.tuples(headers, content), max_size=4), cuts=cuts)
@example(parts=[({}, b"")], cuts=[])
@example(parts=[({}, b""), ({"x-a": ""}, b"\r")], cuts=list(range(60)))
def test_what_was_written_is_read_however_it_is_cut(parts: list[Part], cuts: list[int]) -> None:
    assert read(written(parts), cuts) == parts


@given(parts=st.lists(st.tuples(headers, st.binary(max_size=40)), max_size=3))
def test_every_single_cut_gives_the_same(parts: list[Part]) -> None:
    body = written(parts, b"a long boundary 0123")
    whole = read(body, [], b"a long boundary 0123")
    assert whole == parts
    for cut in range(len(body)):
        assert read(body, [cut], b"a long boundary 0123") == whole


def test_a_preamble_padding_and_an_epilogue_mean_nothing() -> None:
    body = b"hello\r\n--xYz \t\r\n\r\nA\r\n--xYz--  \r\nbye\r\n--xYz\r\n\r\nB"
    assert read(body, list(range(len(body)))) == [({}, b"A")]


def test_a_part_without_an_empty_line_of_its_own_is_empty() -> None:
    body = b"--xYz\r\nx-a: 1\r\n\r\n--xYz\r\n\r\n--xYz--"
    for cut in range(len(body)):
        assert read(body, [cut]) == [({"x-a": "1"}, b""), ({}, b"")]


def test_the_first_of_two_headers_counts() -> None:
    assert read(b"--xYz\r\nX-A: 1\r\nx-a: 2\r\n\r\n\r\n--xYz--", []) == [({"x-a": "1"}, b"")]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "ends before the closing boundary"),
        (b"nothing here", "ends before the closing boundary"),
        (b"--xYz\r\n\r\nhalf a part", "part 1: the body ends before"),
        (b"--xYz\r\nx-a: 1", "part 1: the body ends before"),
        (b"--xYz\r\n\r\nA\r\n--xYz\r\n", "part 2: the body ends before"),
        (b"--xYz\r\nno colon\r\n\r\n\r\n--xYz--", "a header line is none"),
        (b"--xYz\r\nsp ace: 1\r\n\r\n\r\n--xYz--", "a header line is none"),
        (b"--xYz\r\nx: a\0b\r\n\r\n\r\n--xYz--", "header x holds a control character"),
        (b"--xYz\r\nx: a\n y: b\r\n\r\n\r\n--xYz--", "holds a control character"),
        (b"--xYz trailing\r\n\r\n\r\n--xYz--", "a boundary is followed by text"),
        (b"--xYz" + b" " * 300, "no line end behind a boundary"),
        (b"--xYz\r\nContent-Transfer-Encoding: base64\r\n\r\n\r\n--xYz--", "only plain"),
    ],
)
def test_broken_bodies_are_refused_by_name(body: bytes, says: str) -> None:
    with pytest.raises(BadMultipart, match=says):
        read(body, [])
    with pytest.raises(BadMultipart, match=says):
        read(body, list(range(len(body))))


def test_headers_have_limits() -> None:
    many = "".join(f"x-{n}: 1\r\n" for n in range(multipart.MAX_HEADERS + 1)).encode()
    with pytest.raises(LimitExceeded, match="part 1 is 33 lines, over the limit of 32"):
        read(b"--xYz\r\n" + many + b"\r\n\r\n--xYz--", [])
    for cut in ([], [70], list(range(0, 20_000, 100))):
        long = b"--xYz\r\nx: " + b"a" * multipart.MAX_HEADER_BYTES + b"\r\n\r\n\r\n--xYz--"
        with pytest.raises(LimitExceeded, match=r"headers of multipart part 1 is \d+ bytes"):
            read(long, cut)
    just = b"--xYz\r\nx: " + b"a" * (multipart.MAX_HEADER_BYTES - 3) + b"\r\n\r\nA\r\n--xYz--"
    assert read(just, [])[0][1] == b"A"


def test_parts_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multipart, "MAX_PARTS", 3)
    assert len(read(written([({}, b"")] * 3), [])) == 3
    with pytest.raises(LimitExceeded, match="multipart body is 4 parts, over the limit of 3"):
        read(written([({}, b"")] * 4), [])


def test_the_boundary_comes_from_the_content_type() -> None:
    assert multipart.boundary_of("multipart/form-data; boundary=abc") == b"abc"
    assert multipart.boundary_of('Multipart/Form-Data; charset=x; BOUNDARY="a b;c"') == b"a b;c"
    with pytest.raises(Malformed, match="not 'application/json'"):
        multipart.boundary_of("application/json; boundary=abc")
    with pytest.raises(Malformed, match="not 'nothing'"):
        multipart.boundary_of("")
    with pytest.raises(Malformed, match="names no boundary"):
        multipart.boundary_of("multipart/form-data")
    with pytest.raises(LimitExceeded, match="boundary is 71 bytes, over the limit of 70"):
        multipart.boundary_of(f"multipart/form-data; boundary={'a' * 71}")


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ('form-data; name="file"; filename="a%2Fb"', {"name": "file", "filename": "a%2Fb"}),
        ("form-data; name=file; filename=a", {"name": "file", "filename": "a"}),
        ('form-data; name="a;b"; filename="c\\"d"', {"name": "a;b", "filename": 'c"d'}),
        (r'form-data; filename="C:\dir\file"', {"filename": r"C:\dir\file"}),
        ('form-data; NAME="x" ; name="y";', {"name": "x"}),
        ("form-data; filename*=UTF-8''%C3%A9", {"filename": "é"}),
        ("form-data; filename=e; filename*=UTF-8''%C3%A9", {"filename": "e"}),
        ("form-data; filename*=latin1''%E9", {}),
        ('form-data; name="unclosed', {}),
        ('form-data; name="a\\"', {}),
        ("form-data; name", {}),
        ("form-data", {}),
    ],
)
def test_parameters_are_read_as_go_reads_them(value: str, found: dict[str, str]) -> None:
    assert multipart.parameters_of(value) == ("form-data", found)


@given(st.text("ab;=*'/", max_size=12), st.text("xyz;=", max_size=9))
def test_quoted_parameters_are_those_of_the_standard_library(name: str, other: str) -> None:
    value = f'form-data; name="{other}"; filename="{name}"'
    message = email.message.Message()
    message["content-disposition"] = value
    found = multipart.parameters_of(value)[1]
    assert found["filename"] == message.get_filename(None)
    assert found["name"] == message.get_param("name", header="content-disposition")

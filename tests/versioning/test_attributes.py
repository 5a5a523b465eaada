"""Patterns of .jiaoziattributes choose drivers; what can't be read is named by line."""

import pytest

from jiaozi_node.errors import LimitExceeded
from jiaozi_node.versioning import attributes
from jiaozi_node.versioning.attributes import AUTO, BadAttributes, parse


@pytest.mark.parametrize(
    ("pattern", "fits", "not_fits"),
    [
        ("*.csv", ["a.csv", "d/e/a.csv", ".csv"], ["a.csv/b", "a.csvx", "a_csv"]),
        ("/a.csv", ["a.csv"], ["d/a.csv"]),
        ("d/*.csv", ["d/a.csv"], ["d/e/a.csv", "x/d/a.csv"]),
        ("d/**", ["d/a", "d/e/f"], ["d", "x/d/a"]),
        ("**/d/*", ["d/a", "x/d/a", "d/x/d/a"], ["d/x/a"]),
        ("a?c", ["abc", "d/a.c"], ["ac", "abbc"]),
        ("*a*b", ["ab", "xaxb", "aabb"], ["ba", "abx"]),
        ("[x]+", ["[x]+"], ["x", "xx"]),
    ],
)
def test_patterns(pattern: str, fits: list[str], not_fits: list[str]) -> None:
    rules = parse(f"{pattern} merge=union\n".encode())
    for path in fits:
        assert rules.driver(tuple(path.split("/"))).name == "union", path
    for path in not_fits:
        assert rules.driver(tuple(path.split("/"))) == AUTO, path


def test_the_last_rule_that_fits_decides() -> None:
    rules = parse(b"# tables\n\n* merge=binary\r\n*.csv\tmerge=csv key=a,b  delimiter=\\t\n")
    assert rules.driver(("x.csv",)).options == {"key": "a,b", "delimiter": "\t"}
    assert rules.driver(("x",)).name == "binary"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("*.csv", "after the pattern comes merge=DRIVER"),
        ("*.csv text", "after the pattern comes merge=DRIVER"),
        ("*.csv merge=magic", "there is no driver 'magic'"),
        ("*.csv merge=", "there is no driver ''"),
        ("*.csv merge=csv", "driver csv needs key=NAME"),
        ("*.csv merge=csv key=", "driver csv can't take 'key='"),
        ("*.csv merge=text key=a", "driver text can't take 'key=a'"),
        ("*.csv merge=csv key=a delimiter=ab", "delimiter 'ab' is not one ASCII character"),
    ],
)
def test_a_broken_line_is_named(line: str, why: str) -> None:
    with pytest.raises(BadAttributes) as caught:
        parse(f"* merge=text\n{line}\n".encode())
    assert f"line 2: {why}" in str(caught.value)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (b"#" * attributes.MAX_FILE_BYTES, b"#" * (attributes.MAX_FILE_BYTES + 1)),
        (b"a merge=text\n" * 4096, b"a merge=text\n" * 4097),
        (b"a" * 1024 + b" merge=text", b"a" * 1025 + b" merge=text"),
        (b"**/a/** merge=text", b"**/a/**/b/** merge=text"),
    ],
    ids=["bytes", "rules", "pattern", "deep stars"],
)
def test_limits_of_the_file(good: bytes, bad: bytes) -> None:
    parse(good)
    with pytest.raises(LimitExceeded):
        parse(bad)


def test_no_pattern_takes_long() -> None:
    rules = parse(b"*a" * 500 + b"b merge=text\n" + b"**/a*/**b merge=text\n")
    assert rules.driver(("a" * 255,) * 16) == AUTO

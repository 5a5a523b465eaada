"""Families become exit codes in one place; a line stays a line."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node import errors
from jiaozi_node.cli import output
from jiaozi_node.commands import shown
from jiaozi_node.formats.cid import InvalidCid


@pytest.mark.parametrize(
    ("family", "code"),
    [
        (errors.Conflict, 1),
        (errors.Misuse, 2),
        (errors.Malformed, 2),
        (errors.NotFound, 3),
        (errors.Unavailable, 4),
        (errors.Refused, 5),
        (errors.Corrupt, 6),
        (errors.Locked, 7),
    ],
)
def test_every_family_has_the_exit_code_of_the_design(
    family: type[errors.JiaoziError], code: int
) -> None:
    leaf = type("Leaf", (family,), {})
    assert output.exit_code(leaf("x")) == code


def test_a_leaf_takes_its_familys_code() -> None:
    assert output.exit_code(InvalidCid("x", "y")) == 2
    assert output.exit_code(errors.LimitExceeded("x", 1, 2)) == 2


@given(st.text())
def test_an_error_is_one_printable_line(text: str) -> None:
    assert shown.quoted(text).isprintable()


def test_bytes_that_are_not_utf8_come_out_as_they_were() -> None:
    out = io.BytesIO()
    output.write_text(out, b"caf\xe9\n".decode("utf-8", "surrogateescape"))
    assert out.getvalue() == b"caf\xe9\n"


def test_json_escapes_what_go_escapes() -> None:
    out = io.BytesIO()
    output.write_json(out, {"a": "<&>é"})
    assert out.getvalue() == '{"a":"\\u003c\\u0026\\u003eé"}\n'.encode()


def test_json_is_utf8_whatever_bytes_a_name_has_and_loses_none() -> None:
    out = io.BytesIO()
    name = b"caf\xe9".decode("utf-8", "surrogateescape")
    output.write_json(out, {"name": name})
    assert json.loads(out.getvalue().decode("utf-8")) == {"name": name}

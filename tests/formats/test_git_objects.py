"""Objects of git: those of real programs, broken ones, and the quick comparison of two trees."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.errors import Malformed
from jiaozi_node.formats import git_objects as g
from jiaozi_node.formats.git_objects import BadGitObject, GitEntry, Ident

A, B = b"\x01" * 20, b"\x02" * 20


def test_a_commit_is_read_with_all_its_headers() -> None:
    found = g.commit(
        b"tree %b\nparent %b\nparent %b\n"
        % (A.hex().encode(), B.hex().encode(), A.hex().encode())
        + b"author Ada <ada@example.org> 1700000000 +0130\n"
        b"committer Bob <> -5 -0800\n"
        b"gpgsig -----BEGIN PGP SIGNATURE-----\n \n tree of the signature\n"
        b" -----END PGP SIGNATURE-----\n"
        b"encoding ISO-8859-1\n"
        b"\nfirst\n\nsecond\n"
    )
    assert (found.tree, found.parents) == (A, (B, A))
    assert found.author == Ident(b"Ada", b"ada@example.org", 1_700_000_000, b"+0130")
    assert found.committer == Ident(b"Bob", b"", -5, b"-0800")
    assert (found.author.minutes, found.committer.minutes) == (90, -480)
    assert (found.encoding, found.signed) == (b"ISO-8859-1", True)
    assert found.message == b"first\n\nsecond\n"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"A <a> 1 +0000", Ident(b"A", b"a", 1, b"+0000")),
        (b" A  B  <a b> 1 +0000", Ident(b"A  B", b"a b", 1, b"+0000")),
        (b"<a> 1 +0000", Ident(b"", b"a", 1, b"+0000")),
        (b"A <a>", Ident(b"A", b"a", None, b"")),
        (b"A <a> soon", Ident(b"A", b"a", None, b"")),
        (b"A <a> 1", Ident(b"A", b"a", 1, b"")),
        (b"A <a>> 1 +0000", Ident(b"A", b"a", 1, b"+0000")),
        (b"A <a> b> 7 +0000", Ident(b"A", b"a", 7, b"+0000")),
        (b"no address", Ident(b"no address", b"", None, b"")),
        (b"A <a> 1 +518000", Ident(b"A", b"a", 1, b"+518000")),
    ],
)
def test_who_and_when_are_read_as_git_reads_them(line: bytes, expected: Ident) -> None:
    assert g.ident(line) == expected


def test_a_tag_is_read_without_its_signature() -> None:
    found = g.tag(
        b"object %b\ntype commit\ntag v1\ntagger A <a> 3 +0000\n\nwords\n" % A.hex().encode()
        + b"-----BEGIN SSH SIGNATURE-----\nxyz\n-----END SSH SIGNATURE-----\n"
    )
    assert (found.object, found.kind, found.name) == (A, "commit", b"v1")
    assert (found.message, found.signed) == (b"words\n", True)
    old = g.tag(b"object %b\ntype tree\ntag v0\n\nold" % A.hex().encode())
    assert (old.tagger, old.signed, old.message) == (None, False, b"old")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "names no tree"),
        (b"tree 12\n\n", "is no id"),
        (b"tree %b\n\n" % A.hex().encode(), "names no author"),
    ],
)
def test_a_broken_commit_is_named(data: bytes, why: str) -> None:
    with pytest.raises(BadGitObject, match=why):
        g.commit(data)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"100644 a\0" + A[:-1], "cut short"),
        (b"100644 a", "cut short"),
        (b"99999 a\0" + A, "not octal"),
        (b"mode a\0" + A, "not octal"),
        (b"\0" * 40, "cut short"),
    ],
)
def test_a_broken_tree_is_named(data: bytes, why: str) -> None:
    with pytest.raises(BadGitObject, match=why):
        list(g.entries(data, 20))


@given(st.binary(max_size=200), st.sampled_from([g.commit, g.tag]))
def test_any_bytes_are_read_or_refused(data: bytes, read: object) -> None:
    try:
        read(data)  # type: ignore[operator]
        list(g.entries(data, 20))
    except Malformed:
        pass


NAMES = st.binary(min_size=1, max_size=6).map(lambda name: name.replace(b"\0", b"0"))
IDS = st.binary(min_size=20, max_size=20) | st.just(b"\0" * 20) | st.just(b"10 a\0" * 4)
TREES = st.dictionaries(NAMES, IDS, max_size=12)


def tree(entries: dict[bytes, bytes]) -> bytes:
    return b"".join(b"100644 %b\0%b" % (name, entries[name]) for name in sorted(entries))


@given(TREES, TREES, st.booleans())
def test_what_changed_is_what_sets_say(
    one: dict[bytes, bytes], two: dict[bytes, bytes], apart: bool
) -> None:
    if not apart:
        two = {**one, **dict(list(two.items())[:2])}
    gone, come = g.changed(tree(one), tree(two), 20)
    old, new = set(g.entries(tree(one), 20)), set(g.entries(tree(two), 20))
    assert (set(gone), set(come)) == (old - new, new - old)


def test_a_large_tree_is_compared_from_where_it_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = {b"%06d" % number: A for number in range(100_000)}
    changed = {**entries, b"000000": B, b"050000": B, b"050000.5": A}
    del changed[b"099999"]
    read: list[int] = []
    one = g._entry

    def counted(data: bytes, at: int, id_bytes: int) -> tuple[GitEntry, int]:
        read.append(at)
        return one(data, at, id_bytes)

    monkeypatch.setattr(g, "_entry", counted)
    gone, come = g.changed(tree(entries), tree(changed), 20)
    first, middle, last = b"000000", b"050000", b"099999"
    assert gone == [GitEntry(0o100644, name, A) for name in (first, middle, last)]
    assert come == [
        GitEntry(0o100644, first, B), GitEntry(0o100644, middle, B),
        GitEntry(0o100644, b"050000.5", A),
    ]  # fmt: skip
    assert len(read) < 10  # what is the same isn't taken apart


def test_trees_that_are_out_of_order_are_compared_too() -> None:
    def one(name: bytes) -> bytes:
        return b"100644 %b\0%b" % (name, A)

    old, new = one(b"b") + one(b"a") + one(b"c"), one(b"a") + one(b"d") + one(b"b")
    assert g.changed(old, new, 20) == (
        [GitEntry(0o100644, b"c", A)], [GitEntry(0o100644, b"d", A)],
    )  # fmt: skip

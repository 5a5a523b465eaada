"""Uploads: names as boxo reads them, modes and times, trees as an import of the same files."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.commands.declare import Imported, NoPlace, TreeRules
from jiaozi_node.errors import LimitExceeded, Misuse
from jiaozi_node.http.rpc import upload
from jiaozi_node.http.rpc.multipart import BadMultipart
from jiaozi_node.http.rpc.upload import Upload, path_of
from jiaozi_node.unixfs import profile as profiles
from jiaozi_node.worktree.import_tree import import_tree
from tests.http.rpc.conftest import form

FILE = "application/octet-stream"
DIRECTORY = "application/x-directory"
SYMLINK = "application/symlink"


def taking(body: bytes, size: int = 1 << 20) -> Callable[[], bytes]:
    source = io.BytesIO(body)
    return lambda: source.read(size)


def uploaded(*parts: tuple[str, str, bytes] | tuple[str, str, bytes, str], size: int = 7) -> Upload:
    whole = form(*parts)
    return Upload(taking(whole["body"], size), whole["Content_Type"])


def trees(found: Upload, profile: str = "unixfs-v1-2025") -> list[Imported]:
    rules = TreeRules(profiles.named(profile))
    return [one for one in found.trees(rules, None) if isinstance(one, Imported)]


def test_leaves_that_stay_where_the_client_has_them() -> None:
    body = b"\r\n".join(
        (
            b"--x",
            b'Content-Disposition: form-data; name="file"; filename="a"',
            b"Abspath-Encoded: %2Fhome%2Fme%2Fa+b",
            b"Content-Type: application/octet-stream",
            b"",
            b"0123456789",
            b"--x",
            b'Content-Disposition: form-data; name="file"; filename="c"',
            b"abspath: /home/me/c",
            b"Content-Type: application/octet-stream",
            b"",
            b"",
            b"--x--",
            b"",
        )
    )
    told: list[tuple[str, int, int]] = []
    kept: list[int] = []
    rules = TreeRules(
        replace(profiles.named("unixfs-v1-2025"), chunk_size=4),
        refer=lambda cid, path, offset, size: told.append((path, offset, size)),
    )
    found = Upload(taking(body, 7), "multipart/form-data; boundary=x")
    made = [*found.trees(rules, lambda blocks: kept.extend(b.cid.codec for b in blocks))]
    assert [one.path for one in made if isinstance(one, Imported)] == ["a", "c"]
    assert told == [
        ("/home/me/a b", 0, 4),
        ("/home/me/a b", 4, 4),
        ("/home/me/a b", 8, 2),
        ("/home/me/c", 0, 0),
    ]
    assert set(kept) == {0x70}


@pytest.mark.parametrize("place", [None, "relative/path"])
def test_a_file_in_no_place_can_not_be_referred_to(place: str | None) -> None:
    header = f"Abspath: {place}\r\n" if place else ""
    body = f'--x\r\nContent-Disposition: form-data; name="file"\r\n{header}\r\nhi\r\n--x--\r\n'
    rules = TreeRules(profiles.named("unixfs-v1-2025"), refer=lambda *_: None)
    with pytest.raises(NoPlace, match="missing file path"):
        list(Upload(taking(body.encode()), "multipart/form-data; boundary=x").trees(rules, None))


@pytest.mark.parametrize(
    ("filename", "path"),
    [
        ("a", ("a",)),
        ("a%2Fb+c", ("a", "b c")),
        ("a/b", ("a", "b")),
        ("/a//b/", ("a", "b")),
        ("../../a", ("a",)),
        ("a/../../b", ("b",)),
        ("./.", ()),
        ("", ()),
        ("100%", ("100%",)),
        ("a+%zz", ("a+%zz",)),
        ("%ff", ("\udcff",)),
        ("a%5Cb", ("a\\b",)),
    ],
)
def test_names_are_unescaped_and_cleaned_as_boxo_does(filename: str, path: tuple[str, ...]) -> None:
    assert path_of(filename) == path


@given(st.text("ab./%2F+é", max_size=40))
def test_no_name_leaves_the_root(filename: str) -> None:
    for name in path_of(filename):
        assert name not in ("", ".", "..")
        assert "/" not in name


def test_paths_have_limits() -> None:
    with pytest.raises(LimitExceeded, match="filename of multipart part 1 is 65537 bytes"):
        path_of("a" * (upload.MAX_PATH_BYTES + 1))
    with pytest.raises(LimitExceeded, match="part 1 is 1025 directories"):
        path_of("a/" * (upload.MAX_DEPTH + 1))
    with pytest.raises(BadMultipart, match="NUL"):
        path_of("a%00")


def test_a_target_has_a_limit() -> None:
    long = b"x" * (upload.MAX_TARGET_BYTES + 1)
    with pytest.raises(LimitExceeded, match="symlink target is"):
        trees(uploaded(("a", SYMLINK, long), size=1000))


def test_lines_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "MAX_LINES_BYTES", 10)
    assert uploaded(("", FILE, b"12345\r\n678")).lines() == ["12345", "678"]
    with pytest.raises(LimitExceeded, match="arguments in the body is 11 bytes"):
        uploaded(("", FILE, b"12345\n12345")).lines()
    assert uploaded().lines() == []


def test_streams_are_read_in_pieces_or_passed_over() -> None:
    found = uploaded(("a", FILE, b"12345"), ("d", DIRECTORY, b""), ("b", FILE, b"67890"))
    read = []
    for name, stream in found.streams():
        read.append((name, stream.read(2)))
    assert read == [("a", b"12"), ("b", b"67")]


@pytest.mark.parametrize(
    ("field", "mode", "mtime"),
    [
        ("file", None, None),
        ("file?mode=0644", 0o644, None),
        ("file?mtime=-5&mtime-nsecs=9", None, (-5, 9)),
        ("x?mode=100755&mtime=1604320482", 0o755, (1604320482, 0)),
        ("file?mtime-nsecs=9&other=1", None, None),
    ],
)
def test_mode_and_time_stand_in_the_fields_name(
    field: str, mode: int | None, mtime: tuple[int, int] | None
) -> None:
    (part,) = uploaded(("a", FILE, b"", field)).parts()
    assert (part.mode, part.mtime) == (mode, mtime)


@pytest.mark.parametrize(
    "field", ["f?mode=8", "f?mode=", "f?mtime=x", "f?mtime=9223372036854775808", "f?mode=-1",
              "f?mtime=1&mtime-nsecs=-1", "f?mtime=" + "1" * 5000],
)  # fmt: skip
def test_numbers_that_are_none_are_refused(field: str) -> None:
    with pytest.raises(BadMultipart, match="part 1"):
        list(uploaded(("a", FILE, b"", field)).parts())


def test_only_a_profile_that_keeps_them_takes_mode_and_time() -> None:
    part = ("a", FILE, b"hi", "file?mode=0600&mtime=5")
    (plain,) = trees(uploaded(part))
    (kept,) = trees(uploaded(part), "unixfs-v1-2025+mode+mtime")
    assert plain.node == trees(uploaded(("a", FILE, b"hi")))[0].node != kept.node
    assert (plain.mode, plain.mtime) == (kept.mode, kept.mtime) == (0o600, (5, 0))  # told anyhow


def test_what_is_told_of_mode_and_time_is_the_arguments() -> None:
    """Kubo tells the same of all that lies below an argument."""
    folder = ("d", "application/x-directory", b"", "file?mode=0750&mtime=9")
    below = ("d/a", FILE, b"hi", "file?mode=0600")
    assert {(one.mode, one.mtime) for one in trees(uploaded(folder, below))} == {(0o750, (9, 0))}
    assert {(one.mode, one.mtime) for one in trees(uploaded(below))} == {(None, None)}


def test_entries_must_come_one_after_another() -> None:
    with pytest.raises(Misuse, match="'a' comes twice, or its entries don't"):
        trees(uploaded(("a/1", FILE, b""), ("b", FILE, b""), ("a/2", FILE, b"")))
    with pytest.raises(Misuse, match="in the directory already"):
        trees(uploaded(("a/b/1", FILE, b""), ("a/c", FILE, b""), ("a/b/2", FILE, b"")))


names = st.text("abé ", min_size=1, max_size=3).filter(lambda name: name.strip() == name)
tree = st.recursive(
    st.binary(max_size=20),
    lambda below: st.dictionaries(names, below, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(names, tree, min_size=1, max_size=3), st.integers(1, 50))
def test_an_uploaded_tree_is_the_one_imported_from_disk(
    tmp_path_factory: pytest.TempPathFactory, content: dict[str, object], size: int
) -> None:
    root = tmp_path_factory.mktemp("tree")
    parts: list[tuple[str, str, bytes]] = []

    def write(at: Path, below: object, path: str) -> None:
        if isinstance(below, bytes):
            at.write_bytes(below)
            parts.append((path, FILE, below))
            return
        assert isinstance(below, dict)
        at.mkdir()
        parts.append((path, DIRECTORY, b""))
        for name, inner in below.items():
            write(at / name, inner, f"{path}/{name}")

    for name, below in content.items():
        write(root / name, below, name)
    found = {one.path: one.node.cid for one in trees(uploaded(*parts, size=size))}
    for name in content:
        walk = import_tree(root / name, profiles.named("unixfs-v1-2025"), None)
        for parts_, node, _mode, _mtime in walk:
            assert found.pop("/".join((name, *parts_))) == node.cid
    assert not found

"""Headers read back by the standard library, whose writer knows nothing of ours."""

import io
import tarfile

from hypothesis import example, given
from hypothesis import strategies as st

from jiaozi_node.worktree.tar_header import BLOCK, DIRECTORY, REGULAR, SYMLINK, header

PART = st.binary(min_size=1, max_size=120).filter(lambda raw: not {0, 47} & set(raw))
NAME = st.lists(PART, min_size=1, max_size=4).map(b"/".join)
TARGET = st.binary(min_size=1, max_size=150).filter(lambda raw: b"\0" not in raw)


@given(
    NAME,
    st.sampled_from([REGULAR, DIRECTORY, SYMLINK]),
    st.integers(0, 0o7777),
    st.integers(-(2**35), 2**35),
    st.integers(0, 999_999_999),
    TARGET,
    st.booleans(),
)
@example(b"d/" + b"n" * 100, REGULAR, 0o644, 0, 0, b"x", False)
@example(b"p" * 155 + b"/n", REGULAR, 0o644, 0, 0, b"x", False)
@example(b"p" * 99 + b"/" + b"n" * 200, REGULAR, 0o644, -1, 999_999_999, b"x", True)
def test_every_header_reads_back(
    name: bytes, kind: bytes, mode: int, seconds: int, nanos: int, target: bytes, exact: bool
) -> None:
    target = target if kind == SYMLINK else b""
    data = header(name, kind, mode, (seconds, nanos), 0, target, exact=exact)
    assert len(data) % BLOCK == 0
    with tarfile.open(fileobj=io.BytesIO(data), errors="surrogateescape") as tar:
        (member,) = tar.getmembers()
    assert member.name.encode("utf-8", "surrogateescape") == name
    assert member.type == kind
    assert member.mode == mode
    assert member.linkname.encode("utf-8", "surrogateescape") == target
    if exact:
        assert abs(member.mtime - (seconds + nanos / 10**9)) < 1e-5
    else:
        assert member.mtime == seconds + (nanos >= 500_000_000)


def test_a_file_of_eight_gibibytes_says_its_size_in_a_record() -> None:
    for size, extra in ((2**33 - 1, 0), (2**33, 2)):
        data = header(b"f", REGULAR, 0o644, (0, 0), size)
        assert len(data) == BLOCK * (1 + extra)
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            assert tar.next().size == size  # type: ignore[union-attr]


def test_what_fits_takes_one_block() -> None:
    assert len(header(b"d/" * 60 + b"f", REGULAR, 0o644, (0, 499_999_999))) == BLOCK
    assert len(header(b"n" * 101, REGULAR, 0o644, (0, 0))) == 3 * BLOCK

"""curl, as people use it in scripts and in Kubo's own documentation."""

import shutil
import subprocess
from pathlib import Path

import pytest

from interop.clients.scripts import Both
from interop.daemons import Daemon

CURL = shutil.which("curl")
pytestmark = pytest.mark.skipif(CURL is None, reason="curl is not installed")


def curl(
    daemon: Daemon, path: str, *words: str, cwd: Path, stdin: bytes = b""
) -> tuple[int, bytes]:
    done = subprocess.run(
        [str(CURL), "-sS", "-X", "POST", *words, daemon.url + path],
        cwd=cwd, input=stdin, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


CASES: dict[str, tuple[str, tuple[str, ...]]] = {
    "a file": ("add?cid-version=1", ("-F", "file=@small")),
    "a file with a progress": ("add?progress=true", ("-F", "file=@small")),
    "several files": ("add?w=true", ("-F", "a=@small", "-F", "b=@other name")),
    "a path in the name": ("add?w=true", ("-F", "file=@small;filename=d%2Fe%2Ff")),
    "a directory part": ("add", ("-F", "file=;type=application/x-directory;filename=d",
                                 "-F", "file=@small;filename=d%2Fx")),
    "standard input": ("add", ("-F", "file=@-")),
    "a large file in chunks": ("add?quieter=true", ("-F", "file=@large",
                                                    "-H", "Transfer-Encoding: chunked")),
    "expecting 100": ("add", ("-F", "file=@large", "-H", "Expect: 100-continue")),
    "over HTTP/1.0": ("add", ("-F", "file=@small", "--http1.0")),
    "a block": ("block/put?cid-codec=raw", ("-F", "data=@small")),
    "a node": ("dag/put?store-codec=dag-cbor&input-codec=dag-json", ("-F", "file=@json")),
    "its value": ("dag/get?arg=bafyreigfqy7j4pd2mndwscktqcj5ktaahdujpwrnxjupjbsehji3mgrtx4", ()),
    "a file again": ("cat/QmULKig5Fxrs2sC4qt9nNduucXfb92AFYQ6Hi3YRqDmrYC", ()),
    "no argument": ("cat", ()),
    "no such command": ("nothing", ()),
    "a wrong value": ("ls?arg=QmULKig5Fxrs2sC4qt9nNduucXfb92AFYQ6Hi3YRqDmrYC&size=maybe", ()),
    "as text": ("pin/ls?arg=QmULKig5Fxrs2sC4qt9nNduucXfb92AFYQ6Hi3YRqDmrYC&encoding=text", ()),
}  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("curl")
    (root / "small").write_text("x")
    (root / "other name").write_text("y\n")
    (root / "json").write_text('{"n":1}')
    (root / "large").write_bytes(bytes(range(256)) * 8192)
    return root


@pytest.mark.parametrize("case", CASES)
def test_curl_is_answered_as_by_kubo(both: Both, files: Path, case: str) -> None:
    path, words = CASES[case]
    theirs, ours = (
        curl(one, path, *words, cwd=files, stdin=b"from a pipe") for one in (both.kubo, both.ours)
    )
    assert ours[0] == theirs[0] == 0
    if case == "a file with a progress":  # how often is ours to choose
        assert ours[1].splitlines()[-1] == theirs[1].splitlines()[-1]
    else:
        assert ours[1] == theirs[1]

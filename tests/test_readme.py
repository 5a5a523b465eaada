"""README keeps its word: its shell blocks run as they stand, its tables are what the code says."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from interop.bench import results
from jiaozi_node.commands import registry
from jiaozi_node.unixfs.profile import PROFILES

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "README.md").read_text()
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = "@@@ the next block @@@"


def blocks(language: str) -> Iterator[tuple[str, str | None]]:
    """Yield each block in *language*, and the block marked ``text`` right behind it, if any."""
    found = list(BLOCK.finditer(TEXT))
    for here, after in zip(found, [*found[1:], None], strict=True):
        if here[1] == language:
            follows = after is not None and after[1] == "text"
            close = after is not None and TEXT[here.end() : after.start()].strip() == ""
            yield here[2], after[2] if follows and close and after else None


@pytest.mark.slow
def test_the_shell_blocks_run_as_they_stand(tmp_path: Path) -> None:
    """They are one session, as they are for a person who follows the page from top to bottom."""
    pieces = list(blocks("sh"))
    assert len(pieces) >= 6
    script = f"set -eu\n{''.join(f'{shell}echo {MARK!r}' + chr(10) for shell, _ in pieces)}"
    done = subprocess.run(
        ["bash"],
        input=script,
        cwd=tmp_path,
        env={
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "JIAOZI_PATH": str(tmp_path / "home"),
            "LC_ALL": "C.UTF-8",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    said = done.stdout.split(MARK + "\n")
    for (shell, expected), heard in zip(pieces, said, strict=False):
        if expected is not None:
            assert heard == expected, f"README shows other output for:\n{shell}"


def test_the_python_blocks_run_as_they_stand(tmp_path: Path) -> None:
    pieces = list(blocks("python"))
    assert pieces
    for code, expected in pieces:
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env={
                "PYTHONPATH": str(ROOT),
                "HOME": str(tmp_path),
                "JIAOZI_PATH": str(tmp_path / "home"),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert expected is None or done.stdout == expected


def test_the_table_of_measurements_comes_from_the_lines() -> None:
    assert results.in_readme(TEXT) == results.table(results.read())


def refused() -> str:
    """Return README's list of the options that the declarations refuse."""
    declared = ((path, registry.load(path)) for path in sorted(registry.COMMANDS))
    return "".join(
        f"- `{' '.join(path)} --{option.name}`: {option.why}\n"
        for path, command in declared
        if command is not None
        for option in command.unsupported
    )


def test_the_list_of_refused_options_is_the_declared_one() -> None:
    _, _, rest = TEXT.partition("tests/test_readme.py -->\n")
    listed, _, _ = rest.partition("<!-- /refused options -->")
    assert listed == refused()


def test_every_command_is_named() -> None:
    for path in registry.COMMANDS:
        assert re.search(rf"\b{path[-1]}\b", TEXT), path


def test_every_profile_and_dependency_is_named() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    listed = re.search(r"^dependencies = \[(.*?)^\]", project, re.MULTILINE | re.DOTALL)
    assert listed
    names = re.findall(r'"([\w-]+)[><=]', listed[1])
    assert set(re.findall(r"^\| `([\w-]+)` \| [^|]*\|$", TEXT, re.MULTILINE)) >= set(names)
    for profile in PROFILES:
        assert f"`{profile}`" in TEXT


def test_every_make_target_and_file_named_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"\bmake ([a-z]+)\b", TEXT):
        if target not in {"sure"}:
            assert f"\n{target}:" in makefile, target
    for link in re.findall(r"\]\(([\w./-]+)\)", TEXT):
        assert (ROOT / link).exists(), link

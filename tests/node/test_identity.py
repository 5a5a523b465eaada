from pathlib import Path

import pytest

from jiaozi_node.errors import Malformed
from jiaozi_node.node import identity
from jiaozi_node.versioning.agent import Agent, NotAnAuthor

GIT = """
[core]
    name = not this
[User] # a comment
    name = Grace Hopper ; a comment
    email = "grace@example.org"
[user "sub"]
    name = nor this
[alias] user = x
"""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path), "LOGNAME": "ghopper"}


def test_what_is_said_goes_before_all_else(environ: dict[str, str]) -> None:
    said = identity.identify("Ada <ada@x>", "Config", "c@x", environ)
    assert said == (Agent("Ada", "ada@x"), "option")
    with pytest.raises(NotAnAuthor):
        identity.identify("<ada@x>", "Config", "c@x", environ)


def test_our_config_goes_before_gits_and_git_before_the_login(
    environ: dict[str, str], tmp_path: Path
) -> None:
    assert identity.identify(None, None, None, environ) == (Agent("ghopper"), "login")
    (tmp_path / ".gitconfig").write_text(GIT)
    grace = Agent("Grace Hopper", "grace@example.org")
    assert identity.identify(None, None, None, environ) == (grace, "git")
    assert identity.identify(None, "", " ", environ) == (grace, "git")
    assert identity.identify(None, " Ada ", None, environ) == (
        Agent("Ada", "grace@example.org"),
        "config",
    )
    assert identity.identify(None, "Ada", "ada@x", environ) == (Agent("Ada", "ada@x"), "config")


def test_the_file_in_the_home_directory_wins_over_that_of_xdg(
    environ: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "git").mkdir()
    (tmp_path / "git" / "config").write_text("[user]\nname = X\nemail = x@x\n")
    environ["XDG_CONFIG_HOME"] = str(tmp_path)
    assert identity.of_git(environ) == ("X", "x@x")
    (tmp_path / ".gitconfig").write_text("[user]\nname = H\n")
    assert identity.of_git(environ) == ("H", "x@x")


def test_the_default_place_of_xdg_is_read(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / ".config" / "git").mkdir(parents=True)
    (tmp_path / ".config" / "git" / "config").write_text("[user] name = One Line\n")
    assert identity.of_git(environ) == ("One Line", None)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('[user]\nname = "a ; b" ; c', {"name": "a ; b"}),
        ('[user]\nname = a \\"b\\" \\\\', {"name": 'a "b" \\'}),
        ("[user]\nNAME = a\nname = b", {"name": "b"}),
        ("[user]\n# name = a\n; name = b\nname", {}),
        ("[user\nname = a", {}),
        ("name = a\n[other]\nname = b", {}),
        ("[user]\nname = 张伟\r\n", {"name": "张伟"}),
        ("[user]\nname =\\", {"name": ""}),
    ],
)
def test_a_git_config_is_read_line_by_line(text: str, found: dict[str, str]) -> None:
    assert identity.user_of(text) == found


def test_a_file_that_is_not_text_says_nothing(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / ".gitconfig").write_bytes(b"\xff\x00[user]\xff\nname")
    assert identity.of_git(environ) == (None, None)
    (tmp_path / ".gitconfig").unlink()
    (tmp_path / ".gitconfig").mkdir()
    assert identity.of_git(environ) == (None, None)
    assert identity.of_git({}) == (None, None)


def test_a_git_config_is_read_only_up_to_the_limit(environ: dict[str, str], tmp_path: Path) -> None:
    head = "[user]\nname = A\n"
    filler = "#" * (identity.MAX_GIT_CONFIG_BYTES - len(head) - 1) + "\n"
    (tmp_path / ".gitconfig").write_text(head + filler + "email = a@x\n")
    assert identity.of_git(environ) == ("A", None)


def test_a_name_that_no_commit_can_have_is_refused(environ: dict[str, str]) -> None:
    with pytest.raises(Malformed, match="name must not hold"):
        identity.identify(None, "A <B>", None, environ)


def test_without_a_login_name_nobody_is_the_author(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "_login", lambda: None)
    del environ["LOGNAME"]
    with pytest.raises(identity.NoIdentity, match="--author"):
        identity.identify(None, None, None, environ)
    environ["USER"] = "grace"
    assert identity.identify(None, None, None, environ) == (Agent("grace"), "login")

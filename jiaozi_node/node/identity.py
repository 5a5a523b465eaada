"""Who the author of a commit is when nobody says: our config, git's config, the login name.

git's files are read, never git run: ``$XDG_CONFIG_HOME/git/config`` and ``~/.gitconfig``, the later
winning, ``name`` and ``email`` of ``[user]`` only, without includes.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from jiaozi_node.errors import Misuse
from jiaozi_node.versioning import agent
from jiaozi_node.versioning.agent import Agent

MAX_GIT_CONFIG_BYTES: Final = 1024 * 1024  # what is behind it is not read

_ESCAPES = {"n": "\n", "t": "\t", "b": "\b", '"': '"', "\\": "\\"}


class NoIdentity(Misuse):
    """There is nothing to take an author from."""

    def __init__(self) -> None:
        super().__init__(
            "who are you? Say --author 'Name <mail@example.org>', or"
            " jiaozi ipfs config user.name 'Name'"
        )


def identify(
    option: str | None, name: str | None, email: str | None, environ: Mapping[str, str]
) -> tuple[Agent, str]:
    """Return the author and where the name is from: option, config, git or login.

    *option* is the text of ``--author``, *name* and *email* are ``user.*`` of the config. A mail
    address may come from git while the name comes from the config. Raises `NotAnAuthor` for a bad
    option, `SchemaBroken` or `LimitExceeded` for a bad value in a config, `NoIdentity`.
    """
    if option is not None:
        return agent.parse(option), "option"
    name, email = (name or "").strip(), (email or "").strip()
    git_name, git_email = (None, None) if name and email else of_git(environ)
    address = email or git_email
    for candidate, source in ((name, "config"), (git_name, "git")):
        if candidate:
            return Agent(candidate, address), source
    login = environ.get("LOGNAME") or environ.get("USER") or _login()
    if not login:
        raise NoIdentity
    return Agent(login, address), "login"


def of_git(environ: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Return ``user.name`` and ``user.email`` of git's files; what can't be read says nothing."""
    home = environ.get("HOME")
    xdg = environ.get("XDG_CONFIG_HOME") or (f"{home}/.config" if home else None)
    found: dict[str, str] = {}
    for place in (xdg and f"{xdg}/git/config", home and f"{home}/.gitconfig"):
        if not place:
            continue
        try:
            with Path(place).open("rb") as file:
                data = file.read(MAX_GIT_CONFIG_BYTES)
        except OSError:
            continue
        found.update(user_of(data.decode("utf-8", "replace")))
    return found.get("name") or None, found.get("email") or None


def user_of(text: str) -> dict[str, str]:
    """Return the keys of the sections ``[user]`` of a git config, the last of each winning."""
    found: dict[str, str] = {}
    inside = False
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("["):
            section, bracket, line = line[1:].partition("]")
            inside = bool(bracket) and section.strip().lower() == "user"
            line = line.strip()
        key, equals, value = line.partition("=")
        if inside and equals and not line.startswith(("#", ";")):
            found[key.strip().lower()] = _unquoted(value.strip())
    return found


def _unquoted(value: str) -> str:
    """Return *value* without quotes, escapes and the comment behind it."""
    out: list[str] = []
    quoted = False
    chars = iter(value)
    for char in chars:
        if char == "\\":
            out.append(_ESCAPES.get(next(chars, ""), ""))
        elif char == '"':
            quoted = not quoted
        elif char in "#;" and not quoted:
            break
        else:
            out.append(char)
    return "".join(out).strip()


def _login() -> str | None:
    """Return the login name that the system has for this process's user."""
    import os  # noqa: PLC0415 - pwd is rarely needed
    import pwd  # noqa: PLC0415

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return None

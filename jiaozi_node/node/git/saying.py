"""What git's commits and tags say, in our fields; and what those can't hold, for ``meta.git``.

Follows ``specs/from-git.md`` §3: text is decoded by the encoding the object names, people become
agents, and nothing is lost where a field of ours has no room for it.
"""

import codecs
from collections import Counter
from typing import Any, Final

from jiaozi_node.formats.git_objects import GitCommit, GitTag, Ident
from jiaozi_node.versioning import fields as f
from jiaozi_node.versioning.agent import Agent

UNKNOWN: Final = "unknown"

# Encodings of Python's that no mail or commit is in; some take quadratic time.
_NO_TEXT = frozenset(("idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined"))
_MAX_LABEL = 64


class Saying:
    """Turns what git says into ours, counting under *told* what had to be said otherwise."""

    def __init__(self, told: "Counter[str]") -> None:
        self._told = told

    def of_commit(self, oid: bytes, commit: GitCommit) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the fields of a commit that say who, when and why; and its ``meta.git``."""
        kept: dict[str, Any] = {"commit": oid.hex()}
        encoding = self._encoding(commit.encoding, kept)
        author = self._agent("author", commit.author, encoding, kept)
        committer = self._agent("committer", commit.committer, encoding, kept)
        time, authored = self._time(commit.committer), self._time(commit.author)
        tz: int | None = commit.committer.minutes
        if abs(commit.committer.minutes) > f.MAX_TZ_MINUTES:
            tz, kept["zone"] = None, _ascii(commit.committer.zone)
            self._told["zones beyond a day left out"] += 1
        if commit.author.minutes != commit.committer.minutes:
            kept["authorZone"] = _ascii(commit.author.zone)
        if commit.signed:
            self._told["signatures left out"] += 1
        said = {
            "author": author,
            "committer": committer if committer != author else None,
            "time": time,
            "tz": tz,
            "authored": authored if authored != time else None,
            "message": self._message(commit.message, encoding, kept),
        }
        return said, kept

    def of_tag(
        self, oid: bytes, tag: GitTag, otherwise: tuple[Agent, int]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the fields of a tag; *otherwise* are tagger and time where it has none."""
        kept: dict[str, Any] = {"tag": oid.hex()}
        encoding = self._encoding(tag.encoding, kept)
        if tag.tagger is None:
            tagger, time = otherwise
            kept["tagger"] = b""
        else:
            tagger = self._agent("tagger", tag.tagger, encoding, kept)
            time = self._time(tag.tagger)
        if tag.signed:
            self._told["signatures left out"] += 1
        message = self._message(tag.message, encoding, kept)
        return {"tagger": tagger, "time": time, "message": message}, kept

    def _encoding(self, label: bytes | None, kept: dict[str, Any]) -> str:
        if label is None:
            return "utf-8"
        text = _ascii(label)[:_MAX_LABEL]
        kept["encoding"] = text
        return text

    def _time(self, ident: Ident) -> int:
        if ident.time is None:
            self._told["dates that can't be read taken as 1970"] += 1
            return 0
        return ident.time

    def _agent(self, role: str, ident: Ident, encoding: str, kept: dict[str, Any]) -> Agent:
        name, name_exact = _text(ident.name, encoding)
        email, email_exact = _text(ident.email, encoding)
        shown, address = _person(name), _person(email)
        if not (name_exact and email_exact and shown == name and address == email and shown):
            kept[role] = b"%s <%s>" % (ident.name, ident.email)
            self._told["names or addresses changed to fit"] += 1
        return Agent(shown or address or UNKNOWN, address or None)

    def _message(self, data: bytes, encoding: str, kept: dict[str, Any]) -> str:
        text, exact = _text(data, encoding)
        shown, nul, _rest = text.partition("\0")
        if nul or not exact:
            kept["message"] = data
            self._told["messages that are no text of their encoding"] += 1
        return shown


def _text(data: bytes, label: str) -> tuple[str, bool]:
    """Return *data* as text, and whether all of it is there."""
    for encoding in (label, "utf-8"):
        try:
            if codecs.lookup(encoding).name not in _NO_TEXT:
                return data.decode(encoding), encoding == label or data.isascii()
        except (LookupError, ValueError):  # UnicodeError is a ValueError
            continue
    return data.decode("utf-8", "replace"), False


def _person(text: str) -> str:
    """Return *text* without what no name or address may hold (commit-dag.md §3.2)."""
    return "".join(" " if char in f.ANGLED else char for char in text).strip()


def _ascii(data: bytes) -> str:
    return data.decode("ascii", "replace")

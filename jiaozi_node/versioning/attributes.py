"""``.jiaoziattributes``: which merge driver takes which paths (``specs/merge.md`` §4).

One rule per line: a pattern, then ``merge=NAME`` and the driver's options. The last rule that
matches decides, as in gitattributes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from jiaozi_node.errors import LimitExceeded, Malformed

FILE_NAME: Final = ".jiaoziattributes"
MAX_FILE_BYTES: Final = 256 * 1024  # §4.5
MAX_RULES: Final = 4096  # §4.5
MAX_PATTERN: Final = 1024  # §4.5: characters
MAX_DEEP_STARS: Final = 2  # §4.5

DRIVERS: Final = frozenset(("auto", "text", "csv", "jsonl", "union", "ours", "theirs", "binary"))
_OPTIONS: Final[Mapping[str, frozenset[str]]] = {
    "csv": frozenset(("key", "delimiter")),
    "jsonl": frozenset(("key",)),
}
_NEEDS_KEY = frozenset(("csv", "jsonl"))


class BadAttributes(Malformed):
    """A line of ``.jiaoziattributes`` that can't be read."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(f"{FILE_NAME} line {line}: {why}")
        self.line = line


@dataclass(frozen=True, slots=True)
class Driver:
    """A driver by name, with its options."""

    name: str
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


AUTO: Final = Driver("auto")


@dataclass(frozen=True, slots=True)
class Rule:
    """One line: *pattern* is met with the whole path when *anchored*, else with its last name."""

    pattern: re.Pattern[str]
    anchored: bool
    driver: Driver


@dataclass(frozen=True, slots=True)
class Attributes:
    """All rules of a file, in order."""

    rules: tuple[Rule, ...] = ()

    def driver(self, path: tuple[str, ...]) -> Driver:
        """Return the driver for *path*: that of the last rule which matches, else `AUTO`."""
        for rule in reversed(self.rules):
            if rule.pattern.fullmatch("/".join(path) if rule.anchored else path[-1]):
                return rule.driver
        return AUTO


def parse(data: bytes) -> Attributes:
    """Read the file; raises `BadAttributes` naming the line, `LimitExceeded`."""
    if len(data) > MAX_FILE_BYTES:
        raise LimitExceeded(FILE_NAME, MAX_FILE_BYTES, len(data))
    rules: list[Rule] = []
    for number, line in enumerate(data.decode("utf-8", "surrogateescape").splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(rules) >= MAX_RULES:
            raise LimitExceeded(f"rules of {FILE_NAME}", MAX_RULES, len(rules) + 1, "rules")
        rules.append(_rule(number, words))
    return Attributes(tuple(rules))


def driver(text: str) -> Driver:
    """Read a driver as ``csv key=id``; raises `Malformed`."""
    return _driver(0, text.split())


def _rule(number: int, words: list[str]) -> Rule:
    glob, *settings = words
    if len(glob) > MAX_PATTERN:
        raise LimitExceeded(f"pattern of {FILE_NAME}", MAX_PATTERN, len(glob), "characters")
    if not settings or not settings[0].startswith("merge="):
        raise BadAttributes(number, "after the pattern comes merge=DRIVER")
    settings[0] = settings[0].removeprefix("merge=")
    found = _driver(number, settings)
    if glob.count("**") > MAX_DEEP_STARS:
        raise LimitExceeded("'**' in a pattern", MAX_DEEP_STARS, glob.count("**"), "times")
    anchored = "/" in glob
    return Rule(re.compile(_expression(glob.removeprefix("/")), re.DOTALL), anchored, found)


def _driver(number: int, words: list[str]) -> Driver:
    if not words or words[0] not in DRIVERS:
        known = ", ".join(sorted(DRIVERS))
        raise BadAttributes(number, f"there is no driver {' '.join(words[:1])!r} (known: {known})")
    name, *settings = words
    options: dict[str, str] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not value or key in options or key not in _OPTIONS.get(name, ()):
            raise BadAttributes(number, f"driver {name} can't take {setting!r}")
        options[key] = {"\\t": "\t"}.get(value, value) if key == "delimiter" else value
    if name in _NEEDS_KEY and "key" not in options:
        raise BadAttributes(number, f"driver {name} needs key=NAME")
    mark = options.get("delimiter", ",")
    if len(mark) != 1 or not mark.isascii() or mark in '"\r\n':
        raise BadAttributes(number, f"delimiter {mark!r} is not one ASCII character")
    return Driver(name, MappingProxyType(options))


def _expression(glob: str) -> str:
    """Return the regular expression of *glob*: ``*`` and ``?`` within a name, ``**`` across.

    What lies between two single stars is taken where it first fits and kept there, so that they
    take no more than quadratic time.
    """
    pieces = re.split(r"(\*\*/|\*\*|\*)", glob)
    literal = ["".join(["[^/]" if c == "?" else re.escape(c) for c in run]) for run in pieces[::2]]
    stars = pieces[1::2]
    out = literal[0]
    for at, (star, text) in enumerate(zip(stars, literal[1:], strict=True)):
        if star == "**/":
            out += "(?:[^/]*/)*?" + text
        elif star == "**":
            out += ".*?" + text
        elif text and "*" in stars[at + 1 :]:
            out += f"(?>[^/]*?{text})"
        else:
            out += "[^/]*?" + text
    return out

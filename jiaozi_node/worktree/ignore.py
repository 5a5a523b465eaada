"""Ignore rules: git's, for ``.jiaoziignore``, and those of Kubo's ``add --ignore``.

The two read much alike and differ in much. `GitRules` follows gitignore(5): the last rule that
matches decides, a rule with a slash is anchored where its file lies, and what is below an ignored
directory can't be taken back. `KuboRules` follows the library Kubo uses (crackcomm/go-gitignore):
a rule becomes a regular expression with few characters escaped, and is only ever asked about the
last name of a path, never about the arguments of the command themselves.
"""

import os
import re
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from errno import ELOOP, ENOENT, ENXIO
from typing import TypeAlias

from jiaozi_node.errors import LimitExceeded
from jiaozi_node.worktree import names
from jiaozi_node.worktree.scan import unread

FILE_NAME = ".jiaoziignore"
MAX_FILE_BYTES = 1024 * 1024

Parts: TypeAlias = tuple[str, ...]

_CLASSES = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "blank": " \\t",
    "cntrl": "\\x00-\\x1f\\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": "!-/:-@\\[-`{-~",
    "space": " \\t\\n\\r\\f\\v",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a gitignore file: *pattern* matches paths below *base*, or last names."""

    pattern: re.Pattern[str]
    negated: bool
    directories_only: bool
    anchored: bool
    base: int  # how many names the directory of its file is deep


class GitRules:
    """Git's rules, gathered from the root down; ``.jiaozi`` itself is always excluded."""

    def __init__(self, rules: Sequence[Rule] = (), file_name: str | None = FILE_NAME) -> None:
        self._rules = tuple(rules)
        self._file_name = file_name

    @staticmethod
    def of(lines: Iterable[str], file_name: str | None = FILE_NAME) -> "GitRules":
        """Return the rules of *lines*, as if they stood in a file at the root of the scan.

        Files called *file_name* met on the way add theirs; None has no such files.
        """
        return GitRules(parse(lines, 0), file_name)

    def excludes(self, parts: Parts, is_directory: bool) -> bool:
        """Tell whether *parts* is ignored, its parents not being so."""
        if names.is_reserved(parts[-1]):
            return True
        for rule in reversed(self._rules):
            if rule.directories_only and not is_directory:
                continue
            text = "/".join(parts[rule.base :]) if rule.anchored else parts[-1]
            if rule.pattern.fullmatch(text):
                return not rule.negated
        return False

    def entering(self, parts: Parts, directory: int) -> "GitRules":
        """Add the rules of the ignore file in *directory*, if there is one."""
        if self._file_name is None:
            return self
        lines = _lines_at(self._file_name, directory, "/".join((*parts, self._file_name)))
        if not lines:
            return self
        return GitRules((*self._rules, *parse(lines, len(parts))), self._file_name)


def parse(lines: Iterable[str], base: int) -> list[Rule]:
    """Return the rules of *lines*; blank ones, comments and patterns that can't match are left out.

    *base* is the depth of the directory that their file lies in.
    """
    rules = []
    for line in lines:
        rule = _rule(line, base)
        if rule is not None:
            rules.append(rule)
    return rules


def _rule(line: str, base: int) -> Rule | None:
    """Return the rule of one line of a gitignore file."""
    if line.startswith("#"):
        return None
    line = _trimmed(line)
    negated = line.startswith("!")
    if negated:
        line = line[1:]
    directories_only = line.endswith("/")
    if directories_only:
        line = line[:-1]
    if not line:
        return None
    anchored = "/" in line
    if line.startswith("/"):
        line = line[1:]
    expression = _translated(line, anchored)
    if expression is None:
        return None
    return Rule(re.compile(expression, re.DOTALL), negated, directories_only, anchored, base)


def _trimmed(line: str) -> str:
    """Drop blanks at the end, up to one that a backslash quotes."""
    end = len(line)
    while end and line[end - 1] == " ":
        quotes = 0
        while end - 2 - quotes >= 0 and line[end - 2 - quotes] == "\\":
            quotes += 1
        if quotes % 2:
            break
        end -= 1
    return line[:end]


def _translated(glob: str, anchored: bool) -> str | None:
    """Return the regular expression of *glob* (wildmatch with WM_PATHNAME), None if it never fits.

    What lies between two stars is taken where it first fits and kept there (atomic groups): later
    places can't do better, and no pattern takes more than quadratic time.
    """
    # Runs between "**/", each a list of pieces between "*".
    runs: list[list[str]] = [[""]]
    tail = ""
    at, size = 0, len(glob)
    while at < size:
        char = glob[at]
        if char == "*":
            start = at
            while at < size and glob[at] == "*":
                at += 1
            whole = anchored and at - start >= 2 and (start == 0 or glob[start - 1] == "/")
            if whole and at == size:
                tail = ".*" if start == 0 else ".+"
            elif whole and glob[at] == "/":
                runs.append([""])
                at += 1
            else:
                runs[-1].append("")
            continue
        if char == "?":
            piece: str | None = "[^/]"
            at += 1
        elif char == "[":
            piece, at = _bracket(glob, at)
        else:
            at += char == "\\"
            # git: a backslash at the end never matches
            piece = re.escape(glob[at]) if at < size else None
            at += 1
        if piece is None:
            return None
        runs[-1][-1] += piece
    last = len(runs) - 1
    whole_text = [_joined(run, last=at == last and not tail) for at, run in enumerate(runs)]
    out = whole_text[0]
    for at, text in enumerate(whole_text[1:], 1):
        out += f"(?:[^/]*/)*?{text}" if at == last else f"(?>(?:[^/]*/)*?{text})"
    return out + tail


def _joined(pieces: list[str], *, last: bool) -> str:
    """Join *pieces* by stars; the last star is free to give way when it reaches the end."""
    out = pieces[0]
    for at, piece in enumerate(pieces[1:], 1):
        free = last and at == len(pieces) - 1
        out += f"[^/]*{piece}" if free else f"(?>[^/]*?{piece})"
    return out


def _bracket(glob: str, at: int) -> tuple[str | None, int]:
    """Return the character class that begins at ``glob[at]``, and where it ends."""
    at += 1
    negated = glob[at : at + 1] in {"!", "^"}
    if negated:
        at += 1
    pieces: list[str] = []
    first = True
    while True:
        char = glob[at : at + 1]
        if not char:
            return None, at  # git: an open bracket never matches
        if char == "]" and not first:
            break
        first = False
        if char == "[" and glob[at + 1 : at + 2] == ":":
            end = glob.find("]", at + 2)
            if end < 0:
                return None, at
            name = glob[at + 2 : end]
            if name.endswith(":"):
                if name[:-1] not in _CLASSES:
                    return None, at
                pieces.append(_CLASSES[name[:-1]])
                at = end + 1
            else:  # not a class after all, just a bracket
                pieces.append("\\[")
                at += 1
            continue
        low, at = _one(glob, at)
        if low is None:
            return None, at
        if glob[at : at + 1] == "-" and glob[at + 1 : at + 2] not in {"", "]"}:
            high, at = _one(glob, at + 1)
            if high is None:
                return None, at
            if low <= high:
                pieces.append(f"{re.escape(low)}-{re.escape(high)}")
        else:
            pieces.append(re.escape(low))
    inner = "".join(pieces)
    if not inner:
        return ("[^/]" if negated else "(?!)"), at + 1
    # A slash is matched by no class (WM_PATHNAME).
    return (f"[^/{inner}]" if negated else f"(?!/)[{inner}]"), at + 1


def _one(glob: str, at: int) -> tuple[str | None, int]:
    """Return one character of a class, which a backslash may quote."""
    if glob[at : at + 1] == "\\":
        at += 1
    char = glob[at : at + 1]
    return (char or None), at + 1


class KuboRules:
    """The rules of ``--ignore`` and ``--ignore-rules-path``."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._rules: list[tuple[re.Pattern[str], bool]] = []
        for line in lines:
            rule = _kubo_rule(line)
            if rule is not None:
                self._rules.append(rule)

    @staticmethod
    def of(lines: Iterable[str] = (), rules_path: str | None = None) -> "KuboRules":
        """Return the rules of the file at *rules_path* followed by *lines*."""
        found: list[str] = []
        if rules_path is not None:
            found = _lines_at(rules_path, None, rules_path, required=True)
        return KuboRules([*found, *lines])

    def __bool__(self) -> bool:
        return bool(self._rules)

    def excludes(self, parts: Parts, is_directory: bool) -> bool:
        """Tell whether the last of *parts* is ignored; *is_directory* makes no difference."""
        name = parts[-1]
        ignored = False
        for pattern, negated in self._rules:
            if ignored == negated and pattern.search(name):
                ignored = not negated
        return ignored

    def entering(self, parts: Parts, directory: int) -> "KuboRules":
        """Return these same rules: Kubo reads no files on its way."""
        del parts, directory
        return self


_STARS = "#$~"
_FOREIGN = re.compile(r"\(\?(?![imsU-]*[:)]|P<)|\\[1-9]|[*+?}]\+")


def _kubo_rule(line: str) -> tuple[re.Pattern[str], bool] | None:
    """Return one rule as the library makes it: the same replacements in the same order."""
    line = line.rstrip("\r")
    if line.startswith("#"):
        return None
    line = line.strip(" ")
    if not line:
        return None
    negated = line[0] == "!"
    if negated:
        line = line[1:]
    if line[:1] in {"#", "!"}:
        line = line[1:]
    if re.search(r"([^\/+])/.*\*\.", line) and line[0] != "/":
        line = "/" + line
    line = line.replace(".", "\\.")
    if line.startswith("/**/"):
        line = line[1:]
    line = line.replace("/**/", "(/|/.+/)")
    line = line.replace("**/", f"(|.{_STARS}/)")
    line = line.replace("/**", f"(|/.{_STARS})")
    line = line.replace("\\*", f"\\{_STARS}").replace("*", "([^/]*)")
    line = line.replace("?", "\\?").replace(_STARS, "*")
    # Go has neither lookaround, backreferences nor possessive repeats: there such a line, like
    # every other that doesn't compile, is dropped without a word.
    if _FOREIGN.search(line):
        return None
    tail = "(|.*)" if line.endswith("/") else "(|/.*)"
    head = "^(|/)" + line[1:] if line.startswith("/") else "^(|.*/)" + line
    try:
        # \Z, as Go's $ matches at the very end only.
        return re.compile(head + tail + r"\Z"), negated
    except (re.error, OverflowError):
        return None


def _lines_at(name: str, directory: int | None, shown: str, *, required: bool = False) -> list[str]:
    """Return the lines of the file *name*.

    Unless *required*, anything but a file is as good as none: git passes over symlinks too.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        fd = os.open(name, flags if required else flags | os.O_NOFOLLOW, dir_fd=directory)
    except OSError as fault:
        if required or fault.errno not in {ENOENT, ELOOP, ENXIO}:
            raise unread(shown, fault) from None
        return []
    data = bytearray()
    try:
        if not required and not stat.S_ISREG(os.fstat(fd).st_mode):
            return []
        while len(data) <= MAX_FILE_BYTES:
            piece = os.read(fd, 65536)
            if not piece:
                break
            data += piece
    except OSError as fault:
        raise unread(shown, fault) from None
    finally:
        os.close(fd)
    if len(data) > MAX_FILE_BYTES:
        raise LimitExceeded(f"the rules in {shown}", MAX_FILE_BYTES, len(data))
    text = os.fsdecode(bytes(data).removeprefix(b"\xef\xbb\xbf"))
    return [line.removesuffix("\r") for line in text.split("\n")]

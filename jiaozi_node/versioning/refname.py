"""Names of branches and tags: the grammar of ``specs/refs.md`` §1."""

from dataclasses import dataclass
from typing import Final

from jiaozi_node.errors import LimitExceeded, Malformed
from jiaozi_node.formats.cid import Cid

HEADS: Final = "heads"
TAGS: Final = "tags"
FAMILIES: Final = (HEADS, TAGS)

MAX_NAME_BYTES: Final = 255  # §1.2
MAX_COMPONENTS: Final = 16  # §1.2
MAX_ALIAS_BYTES: Final = 64  # §5
MAX_ID_CHARS: Final = 128  # §5

# §1.3; unpaired surrogates and white space are looked for by other means.
_FORBIDDEN = frozenset("~^:?*[\\") | frozenset(
    map(
        chr,
        (
            *range(0x20),
            *range(0x7F, 0xA0),
            *range(0x200B, 0x2010),
            *range(0x2028, 0x202F),
            *range(0x2060, 0x206A),
            0xFEFF,
        ),
    )
)
_ID_CHARS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-")


class BadName(Malformed):
    """Text that can't name a branch, a tag, a repository or a working copy; *section* says why."""

    def __init__(self, name: str, why: str, section: str) -> None:
        shown = name if len(name) <= 80 else name[:79] + "…"
        super().__init__(f"{shown!r} can't be a name: {why}")
        self.name, self.why, self.section = name, why, section


@dataclass(frozen=True, slots=True, order=True)
class RefName:
    """A family (``heads`` or ``tags``) and a name; prints as ``heads/main``. Ordered by bytes."""

    family: str
    name: str

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise BadName(str(self), f"there is no family {self.family!r} of refs", "1.1")
        check_name(self.name)

    @staticmethod
    def parse(text: str) -> "RefName":
        """Read a full ref, ``heads/main`` or ``tags/v1``; raises `BadName`."""
        family, slash, name = text.partition("/")
        if not slash:
            raise BadName(text, "a full ref begins with heads/ or tags/", "1.1")
        return RefName(family, name)

    @staticmethod
    def branch(name: str) -> "RefName":
        """Return the ref of the branch *name*."""
        return RefName(HEADS, name)

    @staticmethod
    def tag(name: str) -> "RefName":
        """Return the ref of the tag *name*."""
        return RefName(TAGS, name)

    def __str__(self) -> str:
        return f"{self.family}/{self.name}"


def check_name(name: str) -> None:
    """Raise `BadName` or `LimitExceeded` unless *name* may name a branch or a tag."""
    if not name:
        raise BadName(name, "it is empty", "1.2")
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        raise BadName(name, "it isn't Unicode text", "1.3") from None
    if size > MAX_NAME_BYTES:
        raise LimitExceeded("ref name", MAX_NAME_BYTES, size)
    if not _FORBIDDEN.isdisjoint(name):
        bad = next(char for char in name if char in _FORBIDDEN)
        raise BadName(name, f"it holds {bad!r}", "1.3")
    if any(char.isspace() for char in name):
        raise BadName(name, "it holds white space", "1.3")
    if ".." in name or "@{" in name:
        raise BadName(name, "it holds '..' or '@{'", "1.3")
    if name.startswith("-"):
        raise BadName(name, "it begins with '-'", "1.4")
    parts = name.split("/")
    if len(parts) > MAX_COMPONENTS:
        raise LimitExceeded("ref name", MAX_COMPONENTS, len(parts), "components")
    for part in parts:
        if not part:
            raise BadName(name, "a part between slashes is empty", "1.2")
        if part.startswith(".") or part.endswith((".", ".lock")):
            raise BadName(name, "a part begins or ends with '.', or ends with '.lock'", "1.4")
    if name in ("HEAD", "@"):
        raise BadName(name, "it means the working copy's HEAD", "1.5")
    if is_cid_text(name):
        raise BadName(name, "it is the text of a CID", "1.5")


def check_alias(alias: str) -> None:
    """Raise `BadName` or `LimitExceeded` unless *alias* may name a repository (§5)."""
    check_name(alias)
    if "/" in alias:
        raise BadName(alias, "the name of a repository has one part", "5")
    if len(alias.encode()) > MAX_ALIAS_BYTES:
        raise LimitExceeded("repository name", MAX_ALIAS_BYTES, len(alias.encode()))


def check_id(text: str) -> None:
    """Raise `BadName` unless *text* may be the id of a repository or a working copy (§5)."""
    if not 1 <= len(text) <= MAX_ID_CHARS:
        raise BadName(text, f"an id has 1 to {MAX_ID_CHARS} characters", "5")
    if not _ID_CHARS.issuperset(text):
        raise BadName(text, "an id is made of letters, digits and '-'", "5")


def is_cid_text(text: str) -> bool:
    """Tell whether *text* is the canonical text of a CID: base58 ``Qm…`` or base32 ``b…``."""
    if not (len(text) == 46 and text.startswith("Qm")) and not text.startswith("ba"):
        return False
    try:
        return str(Cid.parse(text)) == text
    except Malformed:
        return False

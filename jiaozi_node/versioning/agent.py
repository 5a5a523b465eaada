"""Who made a version: a name, perhaps mail address and identifier (``specs/commit-dag.md`` §3)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from jiaozi_node.errors import LimitExceeded, Malformed, Misuse
from jiaozi_node.versioning import fields as f

MAX_NAME_BYTES: Final = 256  # §3.1
MAX_EMAIL_BYTES: Final = 320  # §3.1
MAX_ID_BYTES: Final = 256  # §3.3

_KNOWN = frozenset(("name", "email", "id"))


class NotAnAuthor(Misuse):
    """Text that isn't ``Name <mail>``."""

    def __init__(self, text: str, why: str) -> None:
        shown = text if len(text) <= 80 else text[:79] + "…"
        super().__init__(f"author {shown!r}: {why}; write 'Name <mail@example.org>'")
        self.text = text


@dataclass(frozen=True, slots=True)
class Agent:
    """A person, a program or an organisation; prints as ``Name <mail>``."""

    name: str
    email: str | None = None
    id: str | None = None
    extra: Mapping[str, Any] = field(default_factory=f.nothing)

    def __post_init__(self) -> None:
        f.check_person("name", self.name, MAX_NAME_BYTES)
        if self.email is not None:
            f.check_person("email", self.email, MAX_EMAIL_BYTES)
        if self.id is not None:
            f.check_visible("id", self.id, MAX_ID_BYTES)
        f.keep_unknown(self, _KNOWN, "", level=2)

    def __hash__(self) -> int:
        return hash((self.name, self.email, self.id))

    def __str__(self) -> str:
        return self.name if self.email is None else f"{self.name} <{self.email}>"


def from_map(value: object, where: str) -> Agent:
    """Read the agent at *where* of a decoded block."""
    if not isinstance(value, dict):
        raise f.SchemaBroken(where, "must be a map with a name")
    rest = dict(value)
    try:
        return Agent(
            f.take(rest, "name"),
            f.take_optional(rest, "email"),
            f.take_optional(rest, "id"),
            rest or f.NOTHING,
        )
    except f.SchemaBroken as fault:
        raise f.SchemaBroken(f"{where}.{fault.field}", fault.rule) from None
    except LimitExceeded as fault:
        raise LimitExceeded(
            f"{where}.{fault.field}", fault.limit, fault.value, fault.unit
        ) from None


def to_map(agent: Agent) -> dict[str, Any]:
    """Return *agent* as the codec takes it."""
    out: dict[str, Any] = {"name": agent.name}
    if agent.email is not None:
        out["email"] = agent.email
    if agent.id is not None:
        out["id"] = agent.id
    if agent.extra:
        out.update(f.thawed(agent.extra))
    return out


def parse(text: str) -> Agent:
    """Read ``Name <mail>`` or a name alone, as ``--author`` takes it; raises `NotAnAuthor`."""
    name, bracket, rest = text.strip().partition("<")
    email: str | None = None
    if bracket:
        email, closed, behind = rest.partition(">")
        if not closed or behind.strip():
            raise NotAnAuthor(text, "the address must end with '>', and the text with it")
        email = email.strip() or None
    name = name.strip()
    if not name:
        raise NotAnAuthor(text, "there is no name")
    try:
        return Agent(name, email)
    except Malformed as fault:
        raise NotAnAuthor(text, str(fault)) from None

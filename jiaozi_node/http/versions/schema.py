"""JSON Schemas, in the few forms that the answers of this API have (JSON Schema 2020-12)."""

from collections.abc import Mapping
from typing import Any, TypeAlias

Schema: TypeAlias = dict[str, Any]


def text(about: str, *choices: str) -> Schema:
    """Return the schema of a text, one of *choices* if there are any."""
    return {"type": "string", "description": about} | ({"enum": list(choices)} if choices else {})


def cid(about: str) -> Schema:
    """Return the schema of a CID as text."""
    return {"type": "string", "pattern": "^[0-9A-Za-z]{8,}$", "description": about}


def number(about: str, *, low: int | None = 0) -> Schema:
    """Return the schema of a whole number, from *low* on."""
    return {"type": "integer", "description": about} | ({} if low is None else {"minimum": low})


def flag(about: str) -> Schema:
    """Return the schema of true or false."""
    return {"type": "boolean", "description": about}


def of(name: str) -> Schema:
    """Return a reference to the schema *name* of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def many(items: Schema, about: str) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": items, "description": about}


def record(
    about: str, always: Mapping[str, Schema], sometimes: Mapping[str, Schema] | None = None
) -> Schema:
    """Return the schema of an object that has these fields and no others."""
    return {
        "type": "object",
        "description": about,
        "properties": {**always, **(sometimes or {})},
        "required": list(always),
        "additionalProperties": False,
    }


def page(items: str, of_what: Schema, about: str, **always: Schema) -> Schema:
    """Return the schema of one page of a list, whose field is called *items*."""
    last = {"next": text("Where the next page begins: its `after`. Absent on the last page.")}
    return record(about, {**always, items: many(of_what, "In order.")}, last)

"""The document against what is served: every answer fits it, and nothing in it is made up."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from jiaozi_node.http.versions.declare import DEFAULT_ITEMS, MAX_ITEMS
from jiaozi_node.http.versions.schemas import FAMILIES
from tests.http.versions.conftest import Api, Made

SPEC = Path(__file__).resolve().parents[3] / "specs" / "versions-api.md"
HERE = "/repositories/birds"
# What is asked, and the status of the answer: all that is declared must come up in it.
REQUESTS = (
    ("/repositories?limit=1", 200),
    ("/repositories?after=a", 200),
    (HERE, 200),
    ("/repositories/nobody", 404),
    (f"{HERE}/branches?limit=2&after=feature/rows", 200),
    (f"{HERE}/branches?limit=1", 200),
    (f"{HERE}/branches/feature%2Frows", 200),
    (f"{HERE}/branches/none", 404),
    (f"{HERE}/tags?after=a&limit=1", 200),
    (f"{HERE}/tags/v1", 200),
    (f"{HERE}/tags/none", 404),
    (f"{HERE}/commits?limit=1", 200),
    (f"{HERE}/commits?revision=feature/rows&path=table&first_parent=true", 200),
    (f"{HERE}/commits?revision=main&after={{main}}", 200),
    (f"{HERE}/commits?revision=orphan", 200),
    (f"{HERE}/commits/feature%2Frows", 200),
    (f"{HERE}/commits/orphan", 200),
    (f"{HERE}/commits/main~7", 404),
    (f"{HERE}/commits/HEAD%5E%5E%5E%5E%7B", 400),
    (f"{HERE}/tree?limit=2&after=gone", 200),
    (f"{HERE}/tree?revision=light&path=sub/link", 200),
    (f"{HERE}/tree?path=sub", 200),
    (f"{HERE}/tree?path=sub/nothing", 404),
    (f"{HERE}/diff?from=light&to=main&limit=1", 200),
    (f"{HERE}/diff?from=light&to=side&renames=false&path=sub", 200),
    (f"{HERE}/diff?from=light&after=moves", 404),
    (f"{HERE}/diff?from=light&after=note", 200),
    (f"{HERE}/diff?to=main", 400),
    (f"{HERE}/merge?theirs=feature/rows&limit=2", 200),
    (f"{HERE}/merge?theirs=feature/rows", 200),
    (f"{HERE}/merge?ours=main&theirs=side", 200),
    (f"{HERE}/merge?theirs=feature/rows&favour=ours", 200),
    (f"{HERE}/merge?theirs=orphan", 404),
)


def resolved(document: Any, schema: Any) -> Any:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def fields(document: Any, schema: Any, name: str) -> Iterator[str]:
    """Yield every field that *schema* declares, by the name of the schema it stands in."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        schema = resolved(document, schema)
    for key, below in schema.get("properties", {}).items():
        yield f"{name}.{key}"
        yield from fields(document, below, name)
    if "items" in schema:
        yield from fields(document, schema["items"], name)


def seen(document: Any, schema: Any, value: Any, name: str) -> Iterator[str]:
    """Yield the fields that *value* has."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        schema = resolved(document, schema)
    if isinstance(value, dict):
        for key, below in schema.get("properties", {}).items():
            if key in value:
                yield f"{name}.{key}"
                yield from seen(document, below, value[key], name)
    elif isinstance(value, list):
        for one in value:
            yield from seen(document, schema["items"], one, name)


def operation(document: Any, path: str) -> tuple[str, Any]:
    """Return the template and operation of *path*, by the document alone."""
    for template, item in document["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            return template, item["get"]
    raise AssertionError(f"nothing is documented at {path}")


@pytest.mark.asyncio
async def test_every_answer_fits_the_document_and_all_of_it_comes_up(api: Api, made: Made) -> None:
    document = await api.get("/openapi.json")
    validate(document)
    asked: set[tuple[str, str]] = set()
    found: set[str] = set()
    for target, status in REQUESTS:
        path, _, query = target.format(**made.commits).partition("?")
        template, declared = operation(document, path)
        value = await api.get(f"{path}?{query}" if query else path, status)
        schema = declared["responses"][str(status)]["content"]["application/json"]["schema"]
        whole = {**schema, "components": document["components"]}
        Draft202012Validator(whole).validate(value)
        found |= set(seen(document, schema, value, ""))
        if status == 200:
            asked |= {(template, name) for name in re.findall(r"\{(\w+)\}", template)}
            asked |= {(template, name) for name, _value in parse_qsl(query)}
    routes = {
        (template, one["name"])
        for template, item in document["paths"].items()
        for one in item["get"]["parameters"]
    }
    assert asked == routes
    declared_fields = {
        field
        for name, schema in document["components"]["schemas"].items()
        for field in fields(document, schema, name)
    }
    assert declared_fields - found == set()


@pytest.mark.asyncio
async def test_a_parameter_is_what_the_document_says(api: Api) -> None:
    document = await api.get("/openapi.json")
    for template, item in document["paths"].items():
        path = template.format(repository="birds", branch="main", tag="v1", revision="main")
        least = {"getDiff": "from=main", "previewMerge": "theirs=main"}
        base = least.get(item["get"]["operationId"], "")
        for one in item["get"]["parameters"]:
            name, schema = one["name"], one["schema"]
            bad: list[str] = []
            if one["in"] == "path":
                assert f"{{{name}}}" in template
                continue
            if schema["type"] == "integer":
                low, high = schema["minimum"], schema["maximum"]
                assert (low, high, schema["default"]) == (1, MAX_ITEMS, DEFAULT_ITEMS)
                bad = [str(low - 1), str(high + 1), "x", "-1", "", "1" * 40]
                for good in (low, high):
                    await api.get(f"{path}?{base}&{name}={good}")
            elif schema["type"] == "boolean":
                bad = ["True", "1", ""]
                for good in ("true", "false"):
                    await api.get(f"{path}?{base}&{name}={good}")
            elif "enum" in schema:
                bad = ["nobody", ""]
                for good in schema["enum"]:
                    await api.get(f"{path}?{base}&{name}={good}")
            for text in bad:
                error = (await api.get(f"{path}?{base}&{name}={text}", 400))["error"]
                assert error["kind"] == "BadParameter"
                assert repr(name) in error["message"]
            if one["required"]:
                assert "required" in (await api.get(path, 400))["error"]["message"]
        if base:
            assert "twice" in (await api.get(f"{path}?{base}&{base}", 400))["error"]["message"]
        said = (await api.get(f"{path}?{base}&nonsense=1", 400))["error"]["message"]
        for one in item["get"]["parameters"]:
            assert one["in"] == "path" or one["name"] in said


@pytest.mark.asyncio
async def test_the_specification_lists_what_the_document_lists(api: Api) -> None:
    document, text = await api.get("/openapi.json"), SPEC.read_text()
    rows = {
        cells[0].strip(" `"): set(re.findall(r"`(\w+)`", cells[2]))
        for line in text.splitlines()
        if line.startswith("| `/repositories")
        for cells in [line.strip("|").split("|")]
    }
    assert rows == {
        template: {one["name"] for one in item["get"]["parameters"] if one["in"] == "query"}
        for template, item in document["paths"].items()
    }
    for family in FAMILIES:
        assert f"`{family}`" in text

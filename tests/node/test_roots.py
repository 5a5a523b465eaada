"""The kinds of rows: what the code writes, what the spec lists and what collection reads agree."""

import ast
import importlib
import re
from pathlib import Path

import jiaozi_node
from jiaozi_node.dag.roots import keyed, linked, nothing, pinned
from jiaozi_node.node import roots

SPEC = Path(__file__).parents[2] / "specs" / "names.md"
ROW = re.compile(r"^\| `(\w+)` \|.*\| ([^|]+) \|$", re.MULTILINE)


def in_spec() -> dict[str, str]:
    return dict(ROW.findall(SPEC.read_text()))


def written() -> dict[str, str]:
    """Find the kind of every `Change` in the package, and the module that makes it."""
    found: dict[str, str] = {}
    package = Path(jiaozi_node.__file__).parent
    for path in sorted(package.rglob("*.py")):
        source = path.read_text()
        if not re.search(r"^from jiaozi_node.stores.api import .*\bChange\b", source, re.MULTILINE):
            continue
        name = ".".join(("jiaozi_node", *path.relative_to(package).with_suffix("").parts))
        module = importlib.import_module(name)
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Change" and node.args:
                kind = node.args[0]
                if isinstance(kind, ast.Name) and not kind.id.isupper():
                    continue  # a loop over kinds which are written elsewhere
                value = eval(ast.unparse(kind), vars(module))  # noqa: S307 - our own source
                assert isinstance(value, str)
                found[value] = name
    return found


def test_every_kind_that_is_written_is_in_the_spec() -> None:
    kinds = written()
    assert {"pins", "refs", "reflog", "stages", "workingcopies", "gc"} <= set(kinds)
    assert set(kinds) <= set(in_spec())


def test_collection_knows_the_kinds_of_the_spec_and_no_others() -> None:
    assert set(in_spec()) == roots.KINDS
    assert set(roots.readers(0)) == roots.KINDS


def test_collection_reads_each_kind_as_the_spec_says() -> None:
    for kind, keeps in in_spec().items():
        reader = roots.readers(0)[kind]
        if keeps == "–":
            assert reader is nothing, kind
        elif keeps == "links":
            assert reader is linked, kind
        elif kind == "pins":
            assert reader is pinned
        elif keeps == "the key":
            assert reader is keyed, kind
        else:
            assert keeps.startswith("links, for "), kind
            assert reader not in (linked, nothing), kind

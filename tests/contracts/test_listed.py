"""Every store there is runs the contract suites."""

import importlib
import inspect
import pkgutil

import jiaozi_node.node
import jiaozi_node.stores


def test_every_class_that_keeps_blocks_or_names_is_in_the_list_of_backends(
    listed: set[type],
) -> None:
    found = set()
    modules = [
        *pkgutil.walk_packages(jiaozi_node.stores.__path__, "jiaozi_node.stores."),
        *pkgutil.walk_packages(jiaozi_node.node.__path__, "jiaozi_node.node."),
    ]
    for module in modules:
        if module.name.endswith(".api"):
            continue
        for _, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            keeps = any(hasattr(kind, name) for name in ("multihashes", "writer", "scan"))
            if keeps and kind.__module__ == module.name:
                found.add(kind)
    assert found == listed

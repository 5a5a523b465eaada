"""Jiaozi: an IPFS node in Python that is also version control for data.

The library is `jiaozi_node.api`, whose names stand here too: ``jiaozi_node.open(".")``. They are
loaded when they are first asked for, since commands have no use for them.
"""

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    if not name.startswith("_"):
        from importlib import import_module

        api = import_module("jiaozi_node.api")
        if name in api.__all__:
            return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    from importlib import import_module

    return sorted([*globals(), *import_module("jiaozi_node.api").__all__])

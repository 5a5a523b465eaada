"""``jiaozi version``."""

from collections.abc import Iterator
from typing import Any

from jiaozi_node import __version__
from jiaozi_node.commands.declare import Answer, Call, Command, Needs


def version(_call: Call) -> Iterator[dict[str, Any]]:
    """Yield the version of this program and of what it reads."""
    import platform

    from jiaozi_node.node.layout import LAYOUT

    yield {
        "version": __version__,
        "layout": LAYOUT,
        "python": platform.python_version(),
        "system": f"{platform.machine()}/{platform.system().lower()}",
    }


VERSION = Command(
    path=("version",),
    tagline="Show the version.",
    handler=version,
    answer=Answer.VALUE,
    needs=Needs.NOTHING,
    text=lambda value, _call: f"jiaozi version {value['version']}\n",
)

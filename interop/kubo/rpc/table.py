"""All rows of the contract, and all cases by endpoint."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from interop.kubo.rpc import dags, importing, mutable, named, network, nodes, storage
from interop.kubo.rpc.cases import Case

_TABLE = Path(__file__).parents[3] / "specs" / "vectors" / "kubo-commands" / "commands.tsv"


@dataclass(frozen=True, slots=True)
class Row:
    """One command of Kubo's, and how much a node needs it."""

    endpoint: str
    priority: str


ROWS: Final = tuple(
    Row(*line.split("\t")[:2]) for line in _TABLE.read_text(encoding="utf-8").splitlines()
)
_ALL: Final[dict[str, tuple[Case, ...]]] = {
    **importing.CASES,
    **dags.CASES,
    **storage.CASES,
    **mutable.CASES,
    **named.CASES,
    **network.CASES,
    **nodes.CASES,
}
# In the order of the contract; what ends the daemon comes last.
CASES: Final = {
    endpoint: _ALL[endpoint]
    for endpoint in sorted(_ALL, key=lambda endpoint: (endpoint == "shutdown", endpoint))
}
# Rows that a node without peers refuses however they are asked, and one whose answer never ends.
ALWAYS_REFUSED: Final = network.ALWAYS_REFUSED | {"log/tail", "name/get", "routing/get"}

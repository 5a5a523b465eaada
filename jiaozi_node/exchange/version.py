"""The versions of bitswap, and what each can say."""

from enum import IntEnum
from typing import Final


class Version(IntEnum):
    """What a peer speaks; later ones can say more. ``specs/bitswap.md`` §1."""

    UNVERSIONED = 0
    V1_0 = 1
    V1_1 = 2
    V1_2 = 3

    @property
    def prefixes(self) -> bool:
        """Blocks come with the prefix of their CID; else all are dag-pb under version 0."""
        return self >= Version.V1_1

    @property
    def presences(self) -> bool:
        """It knows want-have, HAVE and DONT_HAVE."""
        return self >= Version.V1_2


# In the order in which we offer them.
PROTOCOLS: Final = {
    "/ipfs/bitswap/1.2.0": Version.V1_2,
    "/ipfs/bitswap/1.1.0": Version.V1_1,
    "/ipfs/bitswap/1.0.0": Version.V1_0,
    "/ipfs/bitswap": Version.UNVERSIONED,
}

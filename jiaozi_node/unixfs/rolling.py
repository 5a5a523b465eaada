"""Rolling hashes of content-defined chunkers: where in some bytes a chunk may end.

Both hashes depend on the window before a place and on nothing else, so a place can be judged
without what came earlier: boxo's loops over single bytes (``boxo/chunker``,
``whyrusleeping/chunker``) and the vector forms below, used where numpy is installed, find the same
ends.
"""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Finds the first place in bytes at which a chunk may end: (data, first, last) gives the smallest
# place from first to last, both counted from the start of data, or -1. first is a window or more.
Finder = Callable[[bytes | bytearray, int, int], int]

RABIN_WINDOW = 16
BUZHASH_WINDOW = 32
BUZHASH_MASK = (1 << 17) - 1
_RABIN_POLYNOMIAL = 17437180132763653  # boxo's IpfsRabinPoly, of degree 53
_RABIN_DEGREE = 53
_SLAB = 64 * 1024  # places judged at once: what lies behind the end found was in vain

# One random word per byte value, fixed by boxo (chunker/buzhash.go): other words, other chunks.
_BUZHASH_WORDS = (
    "6236e7d510279b0b72818182dc5265142fd41e3d777ef8c883ee52852c8f36372f049c1a57df97919207151f"
    "9b54481874eef6582028ca600271d91a27ae587eecf9fa5f236e71cdf43a8a2e0bb133809e57912c89a26cdb"
    "9fcf3d71a86da6f19c49f376346aecc7f094a9eeea99e9cbb01713c6088acffb2960a0fb344a626c7ff22a46"
    "6d7a1aa56a71491641d454ca8325b8300b65f563447feccaf9d0ea5ec1d9d3d4cb5ec57455aae90286edc0e7"
    "0d3a9e33e70dc1e1e3c5f6399b43140ac6490ac55e4030fb8e976dd5a87468eaf830ef6fcc1ed5a5611f4e78"
    "ddd11905f2613904566c67b9905a5ccc7b37b3a44b53898a6b8fd29daad81575511be4143cfac1e78029a179"
    "d40efeda07380e02dc9beffd2d04908299bc7831ff5002a821ce764601cd049b0f43994fc3c6c5a5bbda5f50"
    "0ec15ec79adb19b60c1e80b9b9b52968ae1624192542b40591a42e9d6be0f6686ed7a6b9bc2777b4e162ce56"
    "4266aad560fdb70466f832a59595f6cafee83ced55228d9912bf0e28668964590789afda0282baa82367a343"
    "591491b02ff1a4b1410739b69b7055a02e0eb22924fc82523327d3dfb07826691c62e0697f503101f50593ae"
    "d9eb275de00eb6785917ccde97b9660add06202ded229e22a9c735bfd6316fe66fc72e4c0206dfa2d6b15c5a"
    "69d87b4909c9774513445d6135a975aa859aa9b965380013d1fb6391c29255fd784a3b91b9e74c2663ce4d40"
    "c07cbe9ee6e4529e0fb3632f9438d9c9682f94a8f8fd4611257ec1ed475ce3d660ee2db12afab0022b9e4878"
    "86b340de1482fdcafe41b3bfd4a412b0e09db98cc1af5d537e55e25fd3346b38b7a12cbd9c6827ba71f78bee"
    "8c3a0f52150491b0f26de912233e3a4ed309ebbaa0a9e0ffca2b5921eeb9893c33829e889870cc2a23c4b9d0"
    "eba32ea3bdac4d223bc8c44c1e8d0397f9327735783b009f0eb837422621dc71ed017d035c760aa15a69814b"
    "96e3047fa93c9cde615c86f5b4322aa54225534d0d2e2de3ccfccc4b0bac2a57f0a06d04bc78d737f2d1f766"
    "f5a7953cbcdfda855213b7d5bce8a328d38f5f18db094244fe571253317fa7ee4a324f433ffc39d951b3fa8e"
    "7a4bee9f78bbc6829f5c035002fe286c245ab686ed6bf7d70ac4988a3fe010fac65fe369a45749cb2b84e537"
    "de9ff36320540f9aaa8c9b345bc476b31d574bd7929100ad4721de4d27df1b0558b18546b7e76764df904e58"
    "97af57a1bd4dc433a6256dfdf63998f3f1e05833e20acf26f57fd9d690300b4d89df429068d01cbccf893ee3"
    "cc42a046778e181b67265c76e981a4c482991da1708f7294e6e2ae62fc44187095e1b0b60445f8255a93b47f"
    "5e9cf4be84da71e79d9582b09bf835ef591f61e2433259855d2de32e8d8fbf0f95b30f3807ad5b6e4e934edf"
    "3cd4990e9053e2595c41857d"
)


def have_numpy() -> bool:
    """Tell whether the vector forms can be used: the extra ``chunkers`` is installed."""
    try:
        import numpy  # noqa: F401, PLC0415 - slow to load, and optional
    except ImportError:
        return False
    return True


def buzhash() -> Finder:
    """Return the finder of boxo's buzhash."""
    return buzhash_vectors() if have_numpy() else buzhash_bytes()


def rabin(average: int) -> Finder:
    """Return the finder of boxo's rabin for chunks of *average* bytes."""
    return rabin_vectors(average) if have_numpy() else rabin_bytes(average)


@cache
def _buzhash_table() -> tuple[int, ...]:
    raw = bytes.fromhex(_BUZHASH_WORDS)
    return tuple([int.from_bytes(raw[at : at + 4], "big") for at in range(0, len(raw), 4)])


def buzhash_bytes() -> Finder:
    """Return the finder that needs nothing installed; some 7 MB/s."""
    table = _buzhash_table()

    def find(data: bytes | bytearray, first: int, last: int) -> int:
        state = 0
        for byte in data[first - BUZHASH_WINDOW : first]:
            state = (state << 1 & 0xFFFFFFFF | state >> 31) ^ table[byte]
        for end in range(first, last):
            if not state & BUZHASH_MASK:
                return end
            # A byte that leaves was turned 32 times in all: it stands as it came.
            old, new = table[data[end - BUZHASH_WINDOW]], table[data[end]]
            state = (state << 1 & 0xFFFFFFFF | state >> 31) ^ old ^ new
        return -1 if state & BUZHASH_MASK else last

    return find


def rabin_bytes(average: int) -> Finder:
    """Return the finder that needs nothing installed; some 7 MB/s."""
    leaving, reducing = _rabin_tables()
    mask = _rabin_mask(average)
    shift = _RABIN_DEGREE - 8

    def find(data: bytes | bytearray, first: int, last: int) -> int:
        digest = 0
        for byte in data[first - RABIN_WINDOW : first]:
            digest = (digest << 8 | byte) ^ reducing[digest >> shift]
        for end in range(first, last):
            if not digest & mask:
                return end
            digest ^= leaving[data[end - RABIN_WINDOW]]
            digest = (digest << 8 | data[end]) ^ reducing[digest >> shift]
        return -1 if digest & mask else last

    return find


def _rabin_mask(average: int) -> int:
    """Return the bits that are 0 in one digest of *average*, or of the power of 2 below it."""
    return (1 << average.bit_length() - 1) - 1


@cache
def _rabin_tables() -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return, per byte value, what it adds when it leaves the window, and the reduction by it."""
    leaving = [_modulo(byte << 8 * (RABIN_WINDOW - 1)) for byte in range(256)]
    reducing = [_modulo(byte << _RABIN_DEGREE) | byte << _RABIN_DEGREE for byte in range(256)]
    return tuple(leaving), tuple(reducing)


def _modulo(value: int) -> int:
    """Return *value*, a polynomial over GF(2), modulo that of rabin."""
    while (above := value.bit_length() - 1 - _RABIN_DEGREE) >= 0:
        value ^= _RABIN_POLYNOMIAL << above
    return value


@cache
def buzhash_vectors() -> Finder:
    """Return the finder on numpy; some 400 MB/s."""
    import numpy as np  # noqa: PLC0415

    table = np.array(_buzhash_table(), dtype=np.uint32)

    def hashes(data: "NDArray[np.uint8]") -> "NDArray[np.uint32]":
        # The hash of 2n bytes is that of the first n, turned n times, and that of the last n.
        words = table[data]
        size = 1
        while size < BUZHASH_WINDOW:
            turned = words[:-size] << np.uint32(size)
            turned |= words[:-size] >> np.uint32(32 - size)
            turned ^= words[size:]
            words, size = turned, 2 * size
        return words & np.uint32(BUZHASH_MASK)

    return _slabs(hashes, BUZHASH_WINDOW)


@cache
def rabin_vectors(average: int) -> Finder:
    """Return the finder on numpy; some 100 MB/s."""
    import numpy as np  # noqa: PLC0415

    # The digest is a sum (xor) of one term per byte and place in the window; of each only the bits
    # that are looked at matter. Two bytes at once halve the look-ups.
    mask = _rabin_mask(average)
    terms = [
        np.array(
            [_modulo(byte << 8 * (RABIN_WINDOW - 1 - place)) & mask for byte in range(256)],
            dtype=np.uint32,
        )
        for place in range(RABIN_WINDOW)
    ]
    pairs = [
        (terms[place][np.newaxis, :] ^ terms[place + 1][:, np.newaxis]).reshape(-1)
        for place in range(0, RABIN_WINDOW, 2)
    ]

    def hashes(data: "NDArray[np.uint8]") -> "NDArray[np.uint32]":
        two = data[:-1].astype(np.uint16)
        two |= data[1:].astype(np.uint16) << np.uint16(8)
        count = len(data) - RABIN_WINDOW + 1
        words: NDArray[np.uint32] = pairs[0][two[:count]]
        for step, table in enumerate(pairs[1:], 1):
            words ^= table[two[2 * step : 2 * step + count]]
        return words

    return _slabs(hashes, RABIN_WINDOW)


def _slabs(hashes: "Callable[[NDArray[np.uint8]], NDArray[np.uint32]]", window: int) -> Finder:
    """Return the finder that takes *hashes* of slabs until a zero turns up."""
    import numpy as np  # noqa: PLC0415

    def find(data: bytes | bytearray, first: int, last: int) -> int:
        view = np.frombuffer(data, dtype=np.uint8)
        for end in range(first, last + 1, _SLAB):
            stop = min(end + _SLAB - 1, last)
            zeros = np.flatnonzero(hashes(view[end - window : stop]) == 0)
            if len(zeros):
                return end + int(zeros[0])
        return -1

    return find

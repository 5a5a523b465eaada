"""Multibase: bytes as text whose first character names the base.

All that Kubo has, and base8, base10 and base32z beside. Decoding follows go-multibase in taking
either case of base16, base32 and base36 under either prefix, and is stricter in one thing: text
that its own bytes would not be written as (stray bits, wrong padding, line ends) is refused.
https://github.com/multiformats/multibase
"""

import base64
import binascii

from jiaozi_node.errors import LimitExceeded, Malformed

# Bases whose digits aren't bits cost quadratic time, so they have a limit of their own.
MAX_POSITIONAL = 8192  # characters to decode, or bytes to encode

BASES = {
    "identity": "\0",
    "base2": "0",
    "base8": "7",
    "base10": "9",
    "base16": "f",
    "base16upper": "F",
    "base32": "b",
    "base32upper": "B",
    "base32pad": "c",
    "base32padupper": "C",
    "base32hex": "v",
    "base32hexupper": "V",
    "base32hexpad": "t",
    "base32hexpadupper": "T",
    "base32z": "h",
    "base36": "k",
    "base36upper": "K",
    "base58btc": "z",
    "base58flickr": "Z",
    "base64": "m",
    "base64pad": "M",
    "base64url": "u",
    "base64urlpad": "U",
    "base256emoji": "🚀",
}
_NAMES = {prefix: name for name, prefix in BASES.items()}

_B32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_ALPHABETS = {
    "base32hex": "0123456789ABCDEFGHIJKLMNOPQRSTUV",
    "base32z": "ybndrfg8ejkmcpqxot1uwisza345h769",
    "base10": "0123456789",
    "base36": "0123456789abcdefghijklmnopqrstuvwxyz",
    "base58btc": "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz",
    "base58flickr": "123456789abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ",
    "base256emoji": (
        "🚀🪐☄🛰🌌🌑🌒🌓🌔🌕🌖🌗🌘🌍🌏🌎🐉☀💻🖥💾💿😂❤😍🤣😊🙏💕😭😘👍"
        "😅👏😁🔥🥰💔💖💙😢🤔😆🙄💪😉☺👌🤗💜😔😎😇🌹🤦🎉💞✌✨🤷😱😌🌸🙌"
        "😋💗💚😏💛🙂💓🤩😄😀🖤😃💯🙈👇🎶😒🤭❣😜💋👀😪😑💥🙋😞😩😡🤪👊🥳"
        "😥🤤👉💃😳✋😚😝😴🌟😬🙃🍀🌷😻😓⭐✅🥺🌈😈🤘💦✔😣🏃💐☹🎊💘😠☝"
        "😕🌺🎂🌻😐🖕💝🙊😹🗣💫💀👑🎵🤞😛🔴😤🌼😫⚽🤙☕🏆🤫👈😮🙆🍻🍃🐶💁"
        "😲🌿🧡🎁⚡🌞🎈❌✊👋😰🤨😶🤝🚶💰🍓💢🤟🙁🚨💨🤬✈🎀🍺🤓😙💟🌱😖👶"
        "🥴▶➡❓💎💸⬇😨🌚🦋😷🕺⚠🙅😟😵👎🤲🤠🤧📌🔵💅🧐🐾🍒😗🤑🌊🤯🐷☎"
        "💧😯💆👆🎤🙇🍑❄🌴💣🐸💌📍🥀🤢👅💡💩👐📸👻🤐🤮🎼🥵🚩🍎🍊👼💍📣🥂"
    ),
}


class InvalidMultibase(Malformed):
    """Text that is not what its base's prefix says."""

    def __init__(self, base: str, why: str) -> None:
        super().__init__(f"invalid {base} text: {why}")
        self.base, self.why = base, why


class UnknownBase(Malformed):
    """A base, by name or prefix, that isn't in `BASES`."""

    def __init__(self, base: str) -> None:
        super().__init__(f"unknown multibase {base!r}")
        self.base = base


def encode(base_name: str, data: bytes) -> str:
    """Return *data* in the base, with its prefix; raises `UnknownBase`."""
    prefix = BASES.get(base_name)
    if prefix is None:
        raise UnknownBase(base_name[:32])
    return prefix + _encode(base_name, data)


def decode(text: str, max_chars: int | None = None) -> tuple[str, bytes]:
    """Return the name of the base and the bytes of *text*.

    With *max_chars*, longer text is refused before anything is decoded. Raises `LimitExceeded`,
    `UnknownBase` or `InvalidMultibase`.
    """
    if max_chars is not None and len(text) > max_chars:
        raise LimitExceeded("multibase text", max_chars, len(text), "characters")
    if not text:
        raise InvalidMultibase("multibase", "it is empty")
    base = _NAMES.get(text[0])
    if base is None:
        raise UnknownBase(text[0])
    body = text[1:]
    if base not in ("identity", "base256emoji") and not body.isascii():
        # Before any change of case: 'ſ'.upper() is 'S'.
        raise InvalidMultibase(base, "it holds characters beyond ASCII")
    if base.startswith(("base16", "base32", "base36")) and base != "base32z":
        body = body.upper() if base.endswith("upper") else body.lower()
    try:
        data = _decode(base, body)
    except (binascii.Error, ValueError) as fault:
        raise InvalidMultibase(base, str(fault)) from None
    if _encode(base, data) != body:
        raise InvalidMultibase(base, "its bytes would be written differently")
    return base, data


def _encode(base: str, data: bytes) -> str:
    """Return *data* in *base* without the prefix."""
    if base.startswith("base16"):
        return data.hex().upper() if base.endswith("upper") else data.hex()
    if base.startswith("base32"):
        return _encode32(base, data)
    if base.startswith("base64"):
        raw = base64.urlsafe_b64encode(data) if "url" in base else base64.b64encode(data)
        text = raw.decode("ascii")
        return text if base.endswith("pad") else text.rstrip("=")
    if base == "base256emoji":
        alphabet = _ALPHABETS[base]
        return "".join([alphabet[byte] for byte in data])
    if base == "base2":
        return f"{int.from_bytes(data, 'big'):0{8 * len(data)}b}" if data else ""
    if base == "base8":
        shift = -8 * len(data) % 3
        digits = (8 * len(data) + shift) // 3
        return f"{int.from_bytes(data, 'big') << shift:0{digits}o}" if data else ""
    if base == "identity":
        return data.decode("utf-8", "surrogateescape")
    text = _encode_positional(_ALPHABETS[base.removesuffix("upper")], base, data)
    return text.upper() if base.endswith("upper") else text


def _decode(base: str, body: str) -> bytes:
    """Return the bytes of *body*; the caller compares them with what they are written as."""
    if base.startswith("base16"):
        return binascii.unhexlify(body)
    if base.startswith("base32"):
        return _decode32(base, body)
    if base.startswith("base64"):
        bare = body.rstrip("=")
        padded = bare + "=" * (-len(bare) % 4)
        return base64.b64decode(padded, b"-_" if "url" in base else None, validate=True)
    if base == "base256emoji":
        values = {digit: value for value, digit in enumerate(_ALPHABETS[base])}
        return bytes([_value(values, digit) for digit in body])
    if base in ("base2", "base8"):
        if not set(body) <= set("01" if base == "base2" else "01234567"):
            raise ValueError("it holds other digits")
        if base == "base2":
            if len(body) % 8:
                raise ValueError(f"{len(body)} bits are not whole bytes")
            return int(body or "0", 2).to_bytes(len(body) // 8, "big")
        size = len(body) * 3 // 8
        return (int(body or "0", 8) >> (len(body) * 3 - size * 8)).to_bytes(size, "big")
    if base == "identity":
        return body.encode("utf-8", "surrogateescape")
    if base.endswith("upper"):
        base, body = base.removesuffix("upper"), body.lower()
    return _decode_positional(_ALPHABETS[base], base, body)


def _encode32(base: str, data: bytes) -> str:
    text = base64.b32encode(data).decode("ascii")
    if "pad" not in base:
        text = text.rstrip("=")
    alphabet = _alphabet32(base)
    if alphabet is not None:
        text = text.translate(str.maketrans(_B32, alphabet))
    return text if base.endswith("upper") or base == "base32z" else text.lower()


def _decode32(base: str, body: str) -> bytes:
    alphabet = _alphabet32(base)
    bare = body.rstrip("=")
    if alphabet is None:
        bare = bare.upper()
    else:
        if base != "base32z":
            bare = bare.upper()
        bare = bare.translate(str.maketrans(alphabet, _B32))
    return base64.b32decode(bare + "=" * (-len(bare) % 8))


def _alphabet32(base: str) -> str | None:
    """Return the alphabet where it isn't RFC 4648's first."""
    if base == "base32z":
        return _ALPHABETS[base]
    return _ALPHABETS["base32hex"] if "hex" in base else None


def _encode_positional(alphabet: str, base: str, data: bytes) -> str:
    """Write *data* as one number; each leading zero byte as one zero digit."""
    if len(data) > MAX_POSITIONAL:
        raise LimitExceeded(f"data for {base}", MAX_POSITIONAL, len(data))
    number = int.from_bytes(data, "big")
    radix = len(alphabet)
    digits: list[str] = []
    while number:
        number, digit = divmod(number, radix)
        digits.append(alphabet[digit])
    zeros = len(data) - len(data.lstrip(b"\0"))
    return alphabet[0] * zeros + "".join(reversed(digits))


def _decode_positional(alphabet: str, base: str, body: str) -> bytes:
    if len(body) > MAX_POSITIONAL:
        raise LimitExceeded(f"{base} text", MAX_POSITIONAL, len(body), "characters")
    values = {digit: value for value, digit in enumerate(alphabet)}
    radix = len(alphabet)
    number = 0
    for digit in body:
        number = number * radix + _value(values, digit)
    zeros = len(body) - len(body.lstrip(alphabet[0]))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")


def _value(values: dict[str, int], digit: str) -> int:
    value = values.get(digit)
    if value is None:
        raise ValueError(f"{digit!r} is not one of its digits")
    return value

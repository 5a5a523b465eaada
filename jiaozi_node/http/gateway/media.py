"""Content types: by the name's ending first, then by the first bytes."""

import re
from mimetypes import MimeTypes
from typing import Final

SNIFFED_BYTES: Final = 3072
UNKNOWN: Final = "application/octet-stream"
_TEXT: Final = "text/plain; charset=utf-8"

# The standard library's table without what this machine's files add to it, and what it lacks.
_TABLE = MimeTypes(())
for _type, _ending in (
    ("image/avif", ".avif"), ("image/webp", ".webp"), ("application/wasm", ".wasm"),
    ("text/javascript", ".js"), ("text/javascript", ".mjs"), ("text/xml", ".xml"),
    ("text/markdown", ".md"), ("application/vnd.apache.parquet", ".parquet"),
    ("application/x-ndjson", ".jsonl"), ("application/x-ndjson", ".ndjson"),
    ("application/yaml", ".yaml"), ("application/yaml", ".yml"), ("font/woff2", ".woff2"),
    ("font/woff", ".woff"), ("audio/flac", ".flac"), ("audio/ogg", ".ogg"),
    ("video/x-matroska", ".mkv"), ("application/gzip", ".gz"), ("application/zstd", ".zst"),
    ("application/x-7z-compressed", ".7z"), ("application/vnd.ipld.car", ".car"),
    ("application/geo+json", ".geojson"), ("text/plain", ".log"), ("text/plain", ".toml"),
    ("application/manifest+json", ".webmanifest"),
):  # fmt: skip
    _TABLE.add_type(_type, _ending)

_MAGIC: Final[tuple[tuple[bytes, str], ...]] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"), (b"%PDF-", "application/pdf"), (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"), (b"\x1f\x8b\x08", "application/gzip"),
    (b"BZh", "application/x-bzip2"), (b"\xfd7zXZ\x00", "application/x-xz"),
    (b"(\xb5/\xfd", "application/zstd"), (b"7z\xbc\xaf'\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/x-rar-compressed"), (b"OggS", "application/ogg"),
    (b"fLaC", "audio/flac"), (b"ID3", "audio/mpeg"), (b"\xff\xfb", "audio/mpeg"),
    (b"\x1aE\xdf\xa3", "video/webm"), (b"\x00asm", "application/wasm"),
    (b"SQLite format 3\x00", "application/vnd.sqlite3"),
    (b"PAR1", "application/vnd.apache.parquet"),
    (b"\x7fELF", "application/x-elf"), (b"wOFF", "font/woff"), (b"wOF2", "font/woff2"),
    (b"II*\x00", "image/tiff"), (b"MM\x00*", "image/tiff"), (b"BM", "image/bmp"),
    (b"\x00\x00\x01\x00", "image/x-icon"), (b"%!PS-Adobe-", "application/postscript"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"\x89HDF\r\n\x1a\n", "application/x-hdf"),
    (b"ARROW1\x00\x00", "application/vnd.apache.arrow.file"),
)  # fmt: skip
_BY_BYTE: Final = {
    first: [one for one in _MAGIC if one[0][0] == first] for first in {one[0][0] for one in _MAGIC}
}
_HTML = re.compile(
    rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype html|html|head|body|script|iframe|h1|div|font|table|a"
    rb"|style|title|b|br|p)[\s>]",
    re.IGNORECASE | re.DOTALL,
)
_SVG = re.compile(
    rb"\s*(?:<\?xml.*?\?>\s*)?(?:<!--.*?-->\s*|<!DOCTYPE svg.*?>\s*)*<svg[\s>]", re.DOTALL
)
_BINARY = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")


def by_name(name: str) -> str:
    """Return the type that a file's name tells, "" for none."""
    dot = name.rfind(".")
    if dot < 0:
        return ""
    found = _TABLE.types_map[1].get(name[dot:].lower()) or ""
    if found.startswith("text/") and found != "text/html":
        return f"{found}; charset=utf-8"
    return found


def by_content(data: bytes | memoryview) -> str:
    """Return the type that the beginning of a file tells."""
    head = bytes(data[:SNIFFED_BYTES])
    if not head:
        return _TEXT
    for magic, media in _BY_BYTE.get(head[0], ()):
        if head.startswith(magic):
            return media
    if head[:4] == b"RIFF" and head[8:12] in _RIFF:
        return _RIFF[head[8:12]]
    if head[4:8] == b"ftyp":
        return _FTYP.get(head[8:12], "video/mp4")
    if head[257:262] == b"ustar":
        return "application/x-tar"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "text/plain; charset=utf-16" + ("le" if head[0] == 0xFF else "be")
    return _textual(head.removeprefix(b"\xef\xbb\xbf"), whole=len(data) <= SNIFFED_BYTES)


_RIFF: Final = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_FTYP: Final = {
    b"avif": "image/avif", b"heic": "image/heic", b"heix": "image/heic", b"M4A ": "audio/x-m4a",
    b"qt  ": "video/quicktime",
}  # fmt: skip


def _textual(head: bytes, *, whole: bool) -> str:
    if _BINARY.search(head):
        return UNKNOWN
    start = head.lstrip()[:1]
    if start == b"<":
        if _SVG.match(head):
            return "image/svg+xml"
        if _HTML.match(head):
            return "text/html"
        if head.lstrip().startswith(b"<?xml"):
            return "text/xml; charset=utf-8"
    try:
        head.decode()
    except UnicodeDecodeError as fault:
        if whole or fault.start < len(head) - 3:  # a character may be cut in two
            return UNKNOWN
    if start == b"{" and b'"' in head and (not whole or head.rstrip()[-1:] == b"}"):
        return "application/json"
    return _TEXT


def runs_scripts(media: str) -> bool:
    """Tell whether a browser may run scripts of a page of this type."""
    bare = media.partition(";")[0].strip().lower()
    return bare in ("text/html", "image/svg+xml") or bare.endswith(("/xml", "+xml"))

"""The pages that the gateway itself makes: a frame, a style, and no script at all.

Whatever comes from content goes through `text` or `link`: names may hold anything.
"""

from html import escape
from typing import Final
from urllib.parse import quote

from jiaozi_node.http.gateway.target import escape_path

# Unicode's pictures of control characters; marks that turn the direction of text are shown as U+.
_SIGNS: Final = {
    **{code: chr(0x2400 + code) for code in range(0x20)},
    0x7F: "\u2421",
    **{code: f"[U+{code:04X}]" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))},
}
POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'self'"
)
_STYLE: Final = (
    "body{font:15px/1.45 system-ui,sans-serif;margin:0;color:#1a2233;background:#fff}"
    "header.top{background:#17324d;color:#fff;padding:.6rem 1rem}"
    "header.top a{color:#fff;text-decoration:none}main{padding:1rem;max-width:72rem;margin:auto}"
    "a{color:#0b63b0}code,.ipfs-hash,pre{font-family:ui-monospace,monospace;font-size:.9em}"
    "table{border-collapse:collapse;width:100%}td,th{padding:.2rem .6rem;text-align:left;"
    "border-bottom:1px solid #e3e7ee;overflow-wrap:anywhere}td.n,th.n{text-align:right;"
    "white-space:nowrap}pre{white-space:pre-wrap;background:#f4f6f9;padding:.8rem;border-radius:4px}"
    "@media(prefers-color-scheme:dark){body{background:#10151c;color:#dde4ee}a{color:#7cb8f0}"
    "pre{background:#1a222d}td,th{border-color:#2a3441}}"
)


def text(value: str) -> str:
    """Return *value* as text of a page; control characters and bytes that are no UTF-8 as signs."""
    shown = value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return escape(shown.translate(_SIGNS) if not shown.isprintable() else shown)


def link(path: str) -> str:
    """Return the path of a URL as the value of an attribute."""
    return escape(escape_path(path))


def parameter(value: str) -> str:
    """Return *value* as a parameter of a query within an attribute."""
    return quote(value.encode("utf-8", "surrogateescape"), safe="")


def top(title: str, home: str = "") -> str:
    """Return the beginning of a page, up to its content."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="robots" content="noindex">\n'
        f"<title>{text(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<header class="top"><a href="{home}/">jiaozi</a></header>\n<main id="main">\n'
    )


BOTTOM: Final = "</main>\n</body>\n</html>\n"


def size(size_bytes: int) -> str:
    """Return a number of bytes as people read it, in powers of 1,000."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    value = float(size_bytes)
    for unit in ("kB", "MB", "GB", "TB", "PB"):
        value /= 1000
        if value < 999.5:
            return f"{value:.1f} {unit}" if value < 9.95 else f"{value:.0f} {unit}"
    return f"{value / 1000:.1f} EB"

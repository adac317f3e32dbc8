"""The page in one file: script, style and the whole graph, for readers without a server."""

from __future__ import annotations

import base64
import gzip
import hashlib
from html import escape
from typing import NamedTuple

import orjson

from consumer.query.traversal.whole_graph import WholeGraph
from consumer.render.page import page_data
from consumer.render.page.page_html import ICON

_LEVEL = 9


class Built(NamedTuple):
    """The texts of the built script and style sheet."""

    script: str
    style: str


def page_file(graph: WholeGraph, built: Built, title: str = "Headwater") -> bytes:
    """Makes the file; the same graph gives the same bytes.

    The data is compressed, since most of a graph is names that recur. The policy allows the file's own script and style
    alone, by their hashes, and no connection.
    """
    data = gzip.compress(orjson.dumps(page_data.document(graph)), _LEVEL, mtime=0)
    # A file that ends its own script element would be cut there; a built one never has the end tag in a text.
    script = built.script.replace("</script", "<\\/script")
    own = f"script-src {_hash(script)}; style-src {_hash(built.style)}"
    policy = f"default-src 'none'; {own}; img-src data:; base-uri 'none'"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n"
        f'<link rel="icon" href="{ICON}">\n'
        f"<style>{built.style}</style>\n</head>\n<body>\n"
        '<div id="app"><noscript><p>This file needs JavaScript. '
        "<code>headwater lineage NODE</code> prints lineage as text.</p></noscript></div>\n"
        f'<script type="text/plain" id="data">{base64.b64encode(data).decode()}</script>\n'
        f'<script type="module">{script}</script>\n</body>\n</html>\n'
    ).encode()


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

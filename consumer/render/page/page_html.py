"""The page as HTML before any script: the document around it, and the lineage as a plain tree of links.

The script replaces the tree with the whole page; without scripts the tree answers by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, NamedTuple
from urllib.parse import urlencode

import orjson

from consumer.query.catalog.search import Results
from consumer.query.resolve import DATASET, LineageNode, spelled
from consumer.query.traversal.answer import Way
from consumer.query.traversal.job_surroundings import JOB
from consumer.query.traversal.neighbourhood import Card, Neighbourhood
from consumer.render.page.page_links import dataset_id
from schemas.counted import counted
from schemas.naming import last_part


class Assets(NamedTuple):
    """Addresses of the built files that a document loads."""

    script: str
    style: str


def document(assets: Assets, title: str, body: str, first: Mapping[str, Any] | None = None) -> bytes:
    """Makes the document.

    Args:
        assets: What it loads.
        title: Its title.
        body: What stands in it until the script runs.
        first: The answer that the script would ask for first, with its query; None if there is none.
    """
    data = f'<script type="application/json" id="first">{embedded(first)}</script>' if first is not None else ""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n"
        f'<link rel="icon" href="{ICON}">\n'
        f'<link rel="stylesheet" href="{assets.style}">\n'
        f'<script type="module" src="{assets.script}"></script>\n</head>\n<body>\n'
        f'<div id="app"><noscript>{body}</noscript></div>\n{data}\n</body>\n</html>\n'
    ).encode()


ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24' fill='none' stroke='%230a5bc4' "
    "stroke-width='2.4' stroke-linecap='round'%3E%3Cpath d='M3 5C9 5 9 12 15 12H21M3 19C9 19 9 12 15 12'/%3E%3C/svg%3E"
)


def embedded(value: object) -> str:
    """JSON that can stand inside a script element: no text in it ends that element."""
    return orjson.dumps(value).decode().replace("<", "\\u003c")


def form(query: str = "") -> str:
    """Returns a search form that needs no script."""
    return (
        '<main class="plain-tree"><p><a href="?">Headwater</a></p><form class="plain-form" role="search">'
        f'<input type="search" name="q" aria-label="Search datasets" value="{escape(query)}">'
        "<button>Search</button></form>"
    )


def results(found: Results, query: str) -> str:
    """Search results as links."""
    items = "".join(
        f"<li>{_link(LineageNode(one.summary.dataset), {})} <span>{escape(one.summary.engine)}</span></li>"
        for one in found.matches
    )
    return f"{form(query)}<h1>{counted(found.total, 'result')} for {escape(query)}</h1><ul>{items}</ul></main>"


def problem(message: str) -> str:
    """Says why there is no answer."""
    return f"{form()}<h1>No answer</h1><p>{escape(message)}</p></main>"


def tree(answer: Neighbourhood, steps: tuple[int, int], at: str = "") -> str:
    """Returns a neighbourhood as a tree of links: upstream, then downstream.

    A dataset's branches are shown once, where it is nearest to the root.

    Args:
        answer: The neighbourhood.
        steps: How many steps upstream and downstream it has.
        at: The moment of which it is; empty for the present. Links lead on at the same moment.
    """
    cards = {one.node.target: one for one in answer.cards}
    root = answer.root._replace(column=None)
    up, down = steps
    moment = {"at": at} if at else {}
    wider = urlencode({"node": _node_id(root), "up": min(up + 1, 100), "down": min(down + 1, 100), **moment})
    ways: tuple[Way, Way] = ("upstream", "downstream")
    parts = "".join(_part(answer, cards, root, way, moment) for way in ways)
    return (
        f"{form()}<h1>{escape(last_part(root.dataset))}</h1><p>{escape(spelled(root.dataset))}</p>{_as_of(root, at)}"
        f"<p>{len(answer.cards):,} of {counted(answer.total, 'dataset')} within these steps. "
        f'<a href="?{escape(wider)}">One step more each way</a></p>'
        f'<ul role="tree" aria-label="Lineage of {escape(last_part(root.dataset))}">{parts}</ul></main>'
    )


def _as_of(root: LineageNode, at: str) -> str:
    if not at:
        return ""
    now = escape(urlencode({"node": _node_id(root)}))
    return f'<p>As of {escape(at)}. <a href="?{now}">Back to now</a></p>'


def _part(
    answer: Neighbourhood, cards: Mapping[LineageNode, Card], root: LineageNode, way: Way, moment: Mapping[str, str]
) -> str:
    near: defaultdict[LineageNode, list[LineageNode]] = defaultdict(list)
    for link in answer.links:
        parent, child = (link.target, link.source) if way == "upstream" else (link.source, link.target)
        near[parent].append(child)
    heading = way.capitalize()
    count = cards[root].sources if way == "upstream" else cards[root].uses
    below = "".join(_branches(cards, near, root, moment))
    group = f'<ul role="group">{below}</ul>' if below else ""
    return f'<li role="treeitem" aria-level="1" aria-expanded="true">{heading}: {count:,} direct{group}</li>'


class _Open(NamedTuple):
    """A branch whose end is still to be written."""

    children: Iterator[LineageNode]
    level: int


def _branches(
    cards: Mapping[LineageNode, Card],
    near: Mapping[LineageNode, list[LineageNode]],
    root: LineageNode,
    moment: Mapping[str, str],
) -> Iterator[str]:
    """Yields the HTML below the root. A stack, since lineage may be deeper than Python's calls."""
    homes = _homes(near, root)
    waiting = [_Open(iter(_unique(near, root)), 2)]
    parents = [root]
    while waiting:
        child = next(waiting[-1].children, None)
        if child is None:
            waiting.pop()
            parents.pop()
            if waiting:
                yield "</ul></li>"
            continue
        level = waiting[-1].level
        below = _unique(near, child) if homes.get(child) == parents[-1] else []
        yield f'<li role="treeitem" aria-level="{level}">{_link(child, moment)} {_notes(cards.get(child))}'
        if below:
            yield '<ul role="group">'
            waiting.append(_Open(iter(below), level + 1))
            parents.append(child)
        else:
            yield "</li>"


def _unique(near: Mapping[LineageNode, list[LineageNode]], target: LineageNode) -> list[LineageNode]:
    return sorted(set(near.get(target, ())))


def _homes(near: Mapping[LineageNode, list[LineageNode]], root: LineageNode) -> dict[LineageNode, LineageNode | None]:
    """Below which dataset each one's own branches are shown; the root's below none, as it may be made from itself."""
    homes: dict[LineageNode, LineageNode | None] = {root: None}
    level = [root]
    while level:
        below: list[LineageNode] = []
        for parent in level:
            for child in _unique(near, parent):
                if child not in homes:
                    homes[child] = parent
                    below.append(child)
        level = below
    return homes


def _link(target: LineageNode, moment: Mapping[str, str]) -> str:
    label = escape(last_part(target.dataset))
    if target.kind != DATASET:
        return f"<span>{label}</span>"
    return f'<a href="?{escape(urlencode({"node": _node_id(target), **moment}))}">{label}</a>'


def _node_id(target: LineageNode) -> str:
    # The namespace of a job that stands for a node begins with its prefix already.
    return spelled(target.dataset) if target.kind == JOB else dataset_id(target.dataset)


def _notes(card: Card | None) -> str:
    if card is None:
        return ""
    notes = [card.summary.engine if card.node.target.kind == DATASET else card.node.target.kind]
    if card.summary.materialized:
        notes.append(card.summary.materialized)
    if card.summary.failed_tests:
        notes.append(f"{counted(len(card.summary.failed_tests), 'failed test')}")
    return f"<span>{escape(' · '.join(notes))}</span>"

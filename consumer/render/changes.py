"""Changes of lineage as text for people, as Markdown for a pull request, and as documents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from consumer.lineage.changes import Change, ChangeRecord
from consumer.lineage.facts.keys import JobName
from consumer.query.diff import Difference
from consumer.render.ansi import bold, dim
from consumer.safe_text import printable
from consumer.time_parsing import format_time
from schemas.counted import counted
from schemas.naming import DatasetName, last_part

_SIGNS = {"added": "+", "removed": "-"}

MARKDOWN_ROWS = 200
"""Changes that a comment lists; GitHub takes 65,536 characters."""


def _sign(change: Change) -> str:
    return _SIGNS.get(change.kind.value.partition(".")[2], "~")


def _column(name: DatasetName, column: str | None) -> str:
    return last_part(name) if column is None else f"{last_part(name)}.{column}"


def phrase(change: Change) -> str:
    """Returns a change in words, such as `edge title_basics -> titles`."""
    what = change.kind.value.partition(".")[0].replace("_", " ")
    target = _column(change.dataset, change.column)
    if change.source is not None:
        return f"{what} {_column(change.source, change.source_column)} -> {target}"
    if change.before and change.after:
        return f"{what} {target}: {change.before} -> {change.after}"
    kind = change.before or change.after
    return f"{what} {target} {kind}".rstrip()


def _by(record: ChangeRecord) -> str:
    job = record.job.name if record.job is not None else ""
    run = f" run {record.run}" if record.run else ""
    at = f" at {format_time(record.time)}" if record.time else ""
    commit = f" commit {record.commit}" if record.commit else ""
    return f"{job}{run}{at}{commit}".strip()


def text(difference: Difference, link: str = "") -> str:
    """Returns the changes below the job or dataset that they are of, and a link to the page with them."""
    if not difference.records:
        return "no difference"
    return "\n".join([*_lines(difference), *([link] if link else [])])


def _lines(difference: Difference) -> Iterator[str]:
    for record in difference.records:
        of = last_part(record.dataset) if record.dataset is not None else "edges"
        yield f"{bold(printable(of))}  {dim(printable(_by(record)))}".rstrip()
        for change in record.changes:
            mark = "  (breaking)" if difference.breaks(record, change) else ""
            yield f"  {_sign(change)} {printable(phrase(change))}{mark}"
    yield dim(_summary(difference))


def _summary(difference: Difference) -> str:
    return f"{counted(difference.total, 'change')}, {len(difference.breaking)} breaking"


def markdown(difference: Difference, link: str = "") -> str:
    """Returns a comment for a pull request: breaking changes first, the rest folded; with a link to the page."""
    rows = [
        (difference.breaks(record, change), _sign(change), phrase(change), _by(record))
        for record in difference.records
        for change in record.changes
    ]
    breaking, others = [row for row in rows if row[0]], [row for row in rows if not row[0]]
    lines = ["### Lineage", "", f"{_summary(difference)}." if rows else "No difference."]
    if link and rows:
        lines += ["", f"[On the page]({link})"]
    if breaking:
        lines += ["", "**Breaking**", "", *_table(breaking)]
    if others:
        lines += [
            "",
            f"<details><summary>{counted(len(others), 'other change')}</summary>",
            "",
            *_table(others),
            "",
            "</details>",
        ]
    return "\n".join(lines)


def _table(rows: list[tuple[bool, str, str, str]]) -> Iterator[str]:
    yield "| | change | by |"
    yield "| --- | --- | --- |"
    for _, sign, what, by in rows[:MARKDOWN_ROWS]:
        yield f"| `{sign}` | {_cell(what)} | {_cell(by)} |"
    if len(rows) > MARKDOWN_ROWS:
        yield f"| | and {len(rows) - MARKDOWN_ROWS} more | |"


def _cell(content: str) -> str:
    """Text in a cell: names are what others wrote, and must not end the cell or begin a tag."""
    plain = printable(" ".join(content.split()))
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace("|", "&#124;").replace("`", "&#96;") or " "


def document(difference: Difference, link: str = "", limit: int | None = None) -> dict[str, Any]:
    """Returns the changes as a document, with a link to the page if there is one, and at most so many records."""
    return {
        **({"link": link} if link else {}),
        "total": difference.total,
        "breaking": len(difference.breaking),
        "records": [_changed(record, difference) for record in difference.records[:limit]],
    }


def _changed(record: ChangeRecord, difference: Difference) -> dict[str, Any]:
    changes = [_change(one, difference.breaks(record, one)) for one in record.changes]
    return {**_record(record), "changes": changes}


def record_document(record: ChangeRecord) -> dict[str, Any]:
    """Returns a record of the log as a document; `breaking` is by the kind of change alone."""
    changes = [_change(one, one.is_breaking) for one in record.changes]
    return {"id": record.id, **_record(record), "changes": changes}


def _record(record: ChangeRecord) -> dict[str, Any]:
    return {
        "time": record.time or None,
        "job": _name(record.job),
        "run": record.run or None,
        "commit": record.commit or None,
        "dataset": _name(record.dataset),
    }


def _change(change: Change, breaking: bool) -> dict[str, Any]:  # noqa: FBT001 -- a value of the document
    return {
        "kind": change.kind.value,
        "dataset": _name(change.dataset),
        "column": change.column,
        "source": _name(change.source),
        "source_column": change.source_column,
        "before": change.before or None,
        "after": change.after or None,
        "breaking": breaking,
    }


def _name(name: DatasetName | JobName | None) -> dict[str, str] | None:
    return None if name is None else {"namespace": name.namespace, "name": name.name}

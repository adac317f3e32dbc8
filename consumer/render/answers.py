"""Answers of the query layer as text for people, and impact as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence

from consumer.query.catalog.datasets import Summary
from consumer.query.catalog.describe import Column, Description, Producer
from consumer.query.catalog.exposures import Exposure
from consumer.query.catalog.search import Results
from consumer.query.resolve import DATASET, LineageNode
from consumer.query.runs import Run
from consumer.query.traversal.answer import title
from consumer.query.traversal.impact import Affected, Certainty, Impact
from consumer.query.traversal.paths import Paths
from consumer.query.traversal.root_cause import Diagnosis, Finding
from consumer.render.ansi import bold, dim
from consumer.render.diagram import location_label, location_label_of
from consumer.safe_text import printable
from consumer.time_parsing import format_time
from schemas.counted import counted
from schemas.naming import DatasetName, last_part

SKIPPED = "SKIPPED"
"""Stands for the state of a run that was skipped, which OpenLineage calls ABORT."""

SIXTY = 60
"""Seconds of a minute, minutes of an hour."""


def _cell(text: str) -> str:
    return printable(" ".join(text.split()))


def table(rows: Iterable[Sequence[str]], headings: Sequence[str]) -> str:
    """Aligns rows below headings; the last column is not padded."""
    cells = [list(map(_cell, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]

    def line(row: Sequence[str]) -> str:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        return "  ".join(padded).rstrip()

    return "\n".join([dim(line(headings)), *map(line, cells)])


def _tests(summary: Summary) -> str:
    if not summary.tests:
        return "-"
    failed = len(summary.failed_tests)
    return f"{failed} of {len(summary.tests)} failed" if failed else f"{len(summary.tests)} passed"


def _tags(summary: Summary) -> str:
    return ", ".join(tag.text for tag in summary.tags if tag.column is None)


def search(results: Results) -> str:
    """Returns a table of matches, and how many there are in all."""
    if not results.matches:
        return "nothing found"
    rows = [
        (
            one.summary.node_name,
            location_label(one.summary.dataset),
            ", ".join(one.summary.owners) or "-",
            one.matched if one.matched != "column" else f"column {', '.join(one.columns)}",
        )
        for one in results.matches
    ]
    more = results.total - len(results.matches)
    lines = [table(rows, ("dataset", "where", "owners", "matched"))]
    return "\n".join([*lines, dim(f"and {more} more; --limit shows them")] if more > 0 else lines)


def duration(seconds: float | None) -> str:
    """Returns a duration for people: `0.9 s`, `3 min 5 s`, `2 h 4 min`; `-` where it is unknown."""
    if seconds is None:
        return "-"
    if seconds < SIXTY:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), SIXTY)
    return f"{minutes} min {rest} s" if minutes < SIXTY else f"{minutes // SIXTY} h {minutes % SIXTY} min"


def _when(run: Run | None) -> str:
    if run is None:
        return "never, as far as the graph knows"
    if run.skipped:
        return f"{SKIPPED} at {format_time(run.time)}: {run.skipped}"
    error = f": {run.error.partition(chr(10))[0]}" if run.error else ""
    return f"{run.state} at {format_time(run.time)}, {duration(run.duration_s)}{error}"


def _head(found: Description) -> Iterator[tuple[str, str]]:
    summary = found.summary
    is_dataset = found.kind == DATASET
    yield "owners", ", ".join(summary.owners)
    yield "tags", _tags(summary)
    yield "materialized", summary.materialized
    yield "lifecycle", summary.lifecycle
    yield "last run", _when(found.last_run) if is_dataset else ""
    yield "tests", _tests(summary) if is_dataset else ""
    yield "upstream", counted(found.upstream, "dataset")
    yield "downstream", counted(found.downstream, "dataset") if is_dataset else ""
    yield "statistics", ", ".join(f"{key} {value}" for key, value in sorted(found.statistics.items()))
    yield "version", found.version
    yield "also called", _names(found.aliases)
    yield "linked but apart", _names(found.apart)


def _names(names: Iterable[DatasetName]) -> str:
    return "; ".join(f"{one.namespace}/{one.name}" for one in names)


def _column_row(one: Column) -> tuple[str, str, str, str]:
    return one.name, one.type or "?", ", ".join(tag.text for tag in one.tags) or "-", one.description


def show(found: Description, *, sql: bool = False) -> str:
    """Returns a page about one dataset or exposure."""
    summary = found.summary
    where = location_label_of(LineageNode(summary.dataset, None, found.kind))
    lines = [f"{bold(_cell(summary.node_name))}  {dim(_cell(where))}"]
    lines += [printable(summary.description)] if summary.description else []
    head = [(label, text) for label, text in _head(found) if text]
    width = max(len(label) for label, _ in head)
    lines += ["", *(f"{dim(label.ljust(width))}  {_cell(text)}" for label, text in head)]
    for producer in found.producers:
        lines += ["", *_made_by(producer, sql=sql)]
    for part in _tables(found):
        lines += ["", part]
    return "\n".join(lines)


def _tables(found: Description) -> Iterator[str]:
    columns = list(map(_column_row, found.columns))
    if found.kind == DATASET:
        yield table(columns, ("column", "type", "tags", "description")) if columns else "columns are unknown"
    if found.summary.tests:
        tests = [(one.name, one.column or "-", "passed" if one.success else "FAILED") for one in found.summary.tests]
        yield table(tests, ("test", "column", "last result"))
    if found.exposures:
        uses = [(one.name, one.type or "-", one.owner or "-", one.url or "-") for one in found.exposures]
        yield table(uses, ("exposure", "type", "owner", "url"))


def _made_by(producer: Producer, *, sql: bool) -> Iterator[str]:
    source = producer.source_path
    yield f"{dim('made by')} {_cell(producer.job.name)}  {dim(_cell(source))}".rstrip()
    if sql:
        yield printable(producer.sql.strip()) if producer.sql else "SQL is unknown"


def _run_row(run: Run, *, with_job: bool) -> tuple[str, ...]:
    return (
        SKIPPED if run.skipped else run.state or "?",
        format_time(run.started_at),
        format_time(run.ended_at),
        duration(run.duration_s),
        *((run.key.job.name,) if with_job else ()),
        run.key.id,
        run.skipped or run.error.partition("\n")[0] or "-",
    )


def runs(found: Sequence[Run], total: int, fed: Mapping[DatasetName, Run], *, with_jobs: bool) -> str:
    """Returns a table of runs, newest first, and one of the runs that fed the newest."""
    if not found:
        return "no runs"
    headings = ("state", "started", "ended", "duration", *(("job",) if with_jobs else ()), "run id", "error")
    rows = [_run_row(run, with_job=with_jobs) for run in found]
    more = total - len(found)
    lines = [table(rows, headings), *([dim(f"and {more} more; --limit shows them")] if more > 0 else [])]
    feeding = [(last_part(name), format_time(run.ended_at), run.key.job.name, run.key.id) for name, run in fed.items()]
    lines += ["", table(feeding, ("the newest read", "ended", "job", "run id"))] if feeding else []
    return "\n".join(lines)


def _affected_row(one: Affected) -> tuple[str, ...]:
    return (
        str(one.depth),
        one.summary.node_name,
        location_label(one.summary.dataset),
        _effect(one.certainty, one.columns),
        ", ".join(one.summary.owners) or "-",
        ", ".join(use.name for use in one.exposures) or "-",
    )


def impact(found: Impact) -> str:
    """Returns the affected datasets by depth, and what is unknown."""
    root = title(found.root)
    lines = []
    if found.affected:
        counts = ", ".join(f"{count} at depth {depth}" for depth, count in sorted(found.by_depth.items()))
        owners = ", ".join(f"{owner} ({count})" for owner, count in found.owners.items())
        lines.append(bold(_cell(f"{found.change.value} of {root} affects {len(found.affected)}: {counts}")))
        lines += [f"{dim('owners')}  {_cell(owners)}"] if owners else []
    elif not found.unknown_at:
        what = "no dataset" if found.exposures else "nothing"
        lines.append(f"{found.change.value} of {_cell(root)} affects {what} that the graph knows")
    lines += [f"{dim('used by')}  {_cell(', '.join(map(_use, found.exposures)))}"] if found.exposures else []
    if found.affected:
        rows = map(_affected_row, found.affected)
        lines += ["", table(rows, ("depth", "dataset", "where", "how", "owners", "exposures"))]
    if found.unknown_at:
        names = ", ".join(f"{name.namespace}/{name.name}" for name in found.unknown_at)
        lines.append(f"column lineage is unknown from {_cell(names)} on; its tables are listed as unknown")
    return "\n".join(lines)


def _use(one: Exposure) -> str:
    about = ", ".join(filter(None, (one.type, one.owner)))
    return f"{one.name} ({about})" if about else one.name


def _effect(certainty: Certainty, columns: Sequence[str]) -> str:
    if certainty is Certainty.UNKNOWN or not columns:
        return certainty.value if certainty is not Certainty.INDIRECT else "indirect: which rows it has"
    return f"{certainty.value}: {', '.join(columns)}"


CSV_HEADINGS = ("depth", "namespace", "name", "engine", "certainty", "columns", "owners", "exposures", "failed_tests")


def impact_csv(found: Impact) -> str:
    """Returns the affected datasets as CSV with a heading; lists within a cell are separated by semicolons.

    What changes has a row of its own, at depth 0, if it has declared uses: these break too.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_HEADINGS)
    for one in (*([found.changed] if found.exposures else []), *found.affected):
        summary = one.summary
        writer.writerow(
            map(
                spreadsheet_safe,
                (
                    str(one.depth),
                    summary.dataset.namespace,
                    summary.dataset.name,
                    summary.engine,
                    one.certainty.value,
                    "; ".join(one.columns),
                    "; ".join(summary.owners),
                    "; ".join(use.name for use in one.exposures),
                    "; ".join(test.name for test in summary.failed_tests),
                ),
            )
        )
    return out.getvalue()


def spreadsheet_safe(cell: str) -> str:
    """Quotes a cell that a spreadsheet would take for a formula."""
    return f"'{cell}" if cell[:1] in {"=", "+", "-", "@", "\t", "\r"} else cell


def paths(found: Paths) -> str:
    """Returns each path in one line."""
    ends = f"{title(found.source)} to {title(found.target)}"
    if not found.paths:
        why = "; column lineage is unknown on the way" if found.unknown else ""
        return f"no path from {_cell(ends)}{why}"
    lines = []
    for path in found.paths:
        steps = [title(path[0].source), *(title(link.target) for link in path)]
        lines.append(_cell(" → ".join(steps)))
    return "\n".join([*lines, *([dim("there are more paths of this length")] if found.truncated else [])])


FINDING_HEADINGS = ("depth", "dataset", "cause", "started", "ended", "owners", "detail")


def _finding_row(one: Finding) -> tuple[str, ...]:
    """Returns a finding's row: the times are those of its run; that of a finding without a run is in the detail."""
    return (
        str(one.depth),
        one.summary.node_name,
        one.cause.value,
        format_time(one.run.started_at if one.run else ""),
        format_time(one.run.ended_at if one.run else ""),
        ", ".join(one.summary.owners) or "-",
        one.detail if one.run or not one.since else f"{one.detail} ({format_time(one.since)})",
    )


def diagnosis(found: Diagnosis) -> str:
    """Returns the possible causes, nearest first."""
    unknown = f"no run is known of {len(found.without_runs):,} of {counted(found.checked, 'dataset')} upstream"
    if not found.findings:
        nothing = f"nothing wrong is known in {counted(found.checked, 'dataset')}"
        return f"{nothing}; {unknown}" if found.without_runs else nothing
    lines = [table(map(_finding_row, found.findings), FINDING_HEADINGS)]
    return "\n".join([*lines, *([dim(unknown)] if found.without_runs else [])])

"""Where dbt's artifacts are found: files, folders and S3, many projects at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import orjson

from consumer.errors import HeadwaterError, NothingThere
from consumer.ingest import inputs
from consumer.ingest.inputs import S3, Input
from emitter.dbt.backfill import ArtifactError, Artifacts, Manifest, RunResults, with_executed_sql

MANIFEST = "manifest.json"
RESULTS = "run_results.json"
CATALOG = "catalog.json"
BELOW = ("", "target/", "*/", "*/target/")
"""Where a folder is searched for manifests; the first of these that has any is it."""

MOST_BYTES = 1 << 30
"""A larger file is no artifact; dbt's own reader would need ten times its size in memory."""

MOST_SQL_BYTES = 1 << 24
"""A longer file of compiled SQL is not read: no parser of SQL takes it."""

Beside = Callable[[str], Input | None]
"""Finds a file beside a manifest by its path from there."""

Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class Project:
    """What dbt left of one project, and where its manifest is."""

    name: str
    artifacts: Artifacts


def load(
    names: Sequence[str],
    results: Sequence[str] = (),
    catalogs: Sequence[str] = (),
    *,
    when_empty: Callable[[NothingThere], None] | None = None,
) -> Iterator[Project]:
    """Yields the projects that are named, one after another, as each may be large.

    Args:
        names: Manifests, folders with `manifest.json` in them, their `target/` or the folders in them, or S3 addresses
            of the same; beside a `manifest.json` its `run_results.json` and `catalog.json` are taken too.
        results: Further files of run results, each for the manifest that has its nodes.
        catalogs: Further catalogs, in the same way.
        when_empty: Told of each name below which there is no manifest; without it that is an error.

    Raises:
        NothingThere: Below a name there is no manifest; raised before the first project.
        UsageError: A file is not there, or an address is none; raised before the first project.
        HeadwaterError: A file is no artifact, or belongs to no manifest; projects before it were given already.
    """
    found = [pair for name in names for pair in _found_or(name, when_empty)]
    more_results = {source.name: _parse(source, RunResults) for source in inputs.find(results)}
    more_catalogs = {source.name: _parse(source, _catalog) for source in inputs.find(catalogs)}
    owners: Counter[str] = Counter(dict.fromkeys((*more_results, *more_catalogs), 0))
    for source, beside in found:
        manifest = _parse(source, Manifest)
        own_results = [name for name, given in more_results.items() if _shares(given.ids, manifest)]
        own_catalogs = [name for name, given in more_catalogs.items() if _shares(_ids(given), manifest)]
        owners.update(own_results + own_catalogs)
        _require_one(source.name, own_results, RESULTS)
        _require_one(source.name, own_catalogs, CATALOG)
        result = more_results[own_results[0]] if own_results else _sibling(beside(RESULTS), RunResults)
        catalog = more_catalogs[own_catalogs[0]] if own_catalogs else _sibling(beside(CATALOG), _catalog)
        yield Project(source.name, Artifacts(_compiled(manifest, result, beside), result, catalog))
    for name, count in owners.items():
        if not count:
            raise HeadwaterError(f"{name} names no node of the manifests; give the manifest of its project too")


def _found_or(name: str, when_empty: Callable[[NothingThere], None] | None) -> list[tuple[Input, Beside]]:
    try:
        return list(_found(name))
    except NothingThere as error:
        if when_empty is None:
            raise
        when_empty(error)
        return []


def _found(name: str) -> Iterator[tuple[Input, Beside]]:
    """Yields each manifest below a name, with what lies beside it."""
    if name.startswith(S3):
        yield from _in_s3(name)
    elif name != inputs.STDIN and (folder := Path(name)).is_dir():
        yield from map(_in_folder, _manifests(folder))
    else:
        source = next(inputs.find([name]))
        yield _in_folder(Path(name)) if Path(name).name == MANIFEST else (source, _nothing_beside)


def _manifests(folder: Path) -> list[Path]:
    for place in BELOW:
        if found := sorted(folder.glob(f"{place}{MANIFEST}")):
            return found
    raise NothingThere(
        f"there is no {MANIFEST} in {folder}, its target/ or the folders in it; dbt writes one on every run"
    )


def _nothing_beside(_name: str) -> None:
    """Finds nothing: a manifest of another name may lie among those of other projects."""


def _in_folder(manifest: Path) -> tuple[Input, Beside]:
    def beside(name: str) -> Input | None:
        path = manifest.parent / name
        return next(inputs.find([str(path)])) if path.is_file() else None

    return next(inputs.find([str(manifest)])), beside


def _in_s3(address: str) -> Iterator[tuple[Input, Beside]]:
    objects = {found.name: found for found in inputs.find([address])}
    if address in objects:
        folder = address.rpartition("/")[0]
        siblings = (
            {found.name: found for found in inputs.find([f"{folder}/"])} if address.endswith(f"/{MANIFEST}") else {}
        )
        yield objects[address], partial(_object_beside, folder, siblings)
        return
    manifests = [name for name in objects if name.endswith(f"/{MANIFEST}")]
    if not manifests:
        raise NothingThere(f"there is no {MANIFEST} below {address}")
    for name in manifests:
        yield objects[name], partial(_object_beside, name.rpartition("/")[0], objects)


def _object_beside(folder: str, objects: Mapping[str, Input], name: str) -> Input | None:
    return objects.get(f"{folder}/{name}")


def _compiled(manifest: Manifest, results: RunResults | None, beside: Beside) -> Manifest:
    """Returns the manifest, with compiled SQL from dbt's files where it has none and none can be put together.

    A file may be of an earlier run, and so of older code: it is the last place to look at.
    """
    manifest, texts = with_executed_sql(manifest, results), dict[str, str]()
    for unique_id in manifest.without_sql():
        sources = filter(None, map(beside, manifest.compiled_paths(unique_id)))
        if (source := next(sources, None)) is not None and (text := _text(source)):
            texts[unique_id] = text
    return manifest.with_sql(texts)


def _text(source: Input) -> str | None:
    with source.open() as stream:
        data = stream.read(MOST_SQL_BYTES + 1)
    return data.decode(errors="replace").strip() if len(data) <= MOST_SQL_BYTES else None


def _parse(source: Input, read: Callable[[Mapping[str, Any]], Read]) -> Read:
    with source.open() as stream:
        data = stream.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise HeadwaterError(f"{source.name} is longer than {MOST_BYTES} bytes, which no artifact of dbt is")
    try:
        document = orjson.loads(data)
        return read(document if isinstance(document, dict) else {})
    except orjson.JSONDecodeError as error:
        raise HeadwaterError(f"{source.name} holds no JSON: {error}") from error
    except ArtifactError as error:
        raise HeadwaterError(f"{source.name}: {error}") from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise HeadwaterError(f"{source.name} is not in the form that dbt gives it: {error!r}") from error


def _catalog(document: Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(document.get("nodes"), dict) or not isinstance(document.get("sources"), dict):
        raise ArtifactError("this is no dbt catalog: nodes or sources is missing")
    return document


def _sibling(source: Input | None, read: Callable[[Mapping[str, Any]], Read]) -> Read | None:
    return _parse(source, read) if source is not None else None


def _ids(catalog: Mapping[str, Any]) -> set[str]:
    return {*catalog["nodes"], *catalog["sources"]}


def _shares(ids: Collection[str], manifest: Manifest) -> bool:
    return any(manifest.node(unique_id) for unique_id in ids)


def _require_one(manifest: str, own: Sequence[str], kind: str) -> None:
    if len(own) > 1:
        raise HeadwaterError(f"{manifest} has nodes of {' and '.join(own)}; give one {kind} a project")

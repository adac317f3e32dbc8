"""Discovery of dbt artifacts in files, folders and S3, for many projects at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import orjson

from consumer.errors import HeadwaterError, NotFound
from consumer.ingest import inputs
from consumer.ingest.inputs import S3, Input
from emitter.dbt.backfill import ArtifactError, Artifacts, Manifest, RunResults, with_executed_sql

MANIFEST = "manifest.json"
RESULTS = "run_results.json"
CATALOG = "catalog.json"
SEARCHED_SUBFOLDERS = ("", "target/", "*/", "*/target/")
"""Subfolders of a folder that are searched for manifests, up to the first one with a match."""

MAX_BYTES = 1 << 30
"""Maximum size of an artifact in bytes; dbt's own parser would need ten times that in memory."""

MAX_SQL_BYTES = 1 << 24
"""Maximum size of a file of compiled SQL in bytes; no SQL parser handles a larger one."""

FindBeside = Callable[[str], Input | None]
"""Returns a file by its path relative to a manifest's folder."""

Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class Project:
    """The artifacts of one dbt project; `name` is the path of its manifest."""

    name: str
    artifacts: Artifacts


def load(
    names: Sequence[str],
    results: Sequence[str] = (),
    catalogs: Sequence[str] = (),
    *,
    on_missing: Callable[[NotFound], None] | None = None,
) -> Iterator[Project]:
    """Yields the named projects lazily, as each may be large.

    Args:
        names: Paths or S3 addresses of manifests, or of folders that have `manifest.json` in them, in `target/` or in
            their subfolders. `run_results.json` and `catalog.json` in the folder of a `manifest.json` are read too.
        results: Further files of run results, each matched to the manifest that has its nodes.
        catalogs: Further catalogs, matched likewise.
        on_missing: Receives an error for each name without a manifest; None to raise it.

    Raises:
        NotFound: There is no manifest below a name; raised before the first project.
        UsageError: A file does not exist, or an address is invalid; raised before the first project.
        HeadwaterError: A file is not an artifact, or belongs to no manifest; earlier projects were yielded already.
    """
    manifests = [pair for name in names for pair in _find_or_report(name, on_missing)]
    more_results = {source.name: _parse(source, RunResults) for source in inputs.find(results)}
    more_catalogs = {source.name: _parse(source, _catalog) for source in inputs.find(catalogs)}
    owners: Counter[str] = Counter(dict.fromkeys((*more_results, *more_catalogs), 0))
    for source, beside in manifests:
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
            raise HeadwaterError(f"{name} has no node of the given manifests; add the manifest of its project")


def _find_or_report(name: str, on_missing: Callable[[NotFound], None] | None) -> list[tuple[Input, FindBeside]]:
    try:
        return list(_find_manifests(name))
    except NotFound as error:
        if on_missing is None:
            raise
        on_missing(error)
        return []


def _find_manifests(name: str) -> Iterator[tuple[Input, FindBeside]]:
    """Yields each manifest below a name, with a finder of files in its folder."""
    if name.startswith(S3):
        yield from _in_s3(name)
    elif name != inputs.STDIN and (folder := Path(name)).is_dir():
        yield from map(_in_folder, _manifests(folder))
    else:
        source = next(inputs.find([name]))
        yield _in_folder(Path(name)) if Path(name).name == MANIFEST else (source, _nothing_beside)


def _manifests(folder: Path) -> list[Path]:
    for subfolder in SEARCHED_SUBFOLDERS:
        manifests = sorted(folder.glob(f"{subfolder}{MANIFEST}"))
        if manifests:
            return manifests
    raise NotFound(f"no {MANIFEST} in {folder}, its target/ or its subfolders; run dbt, which writes one on every run")


def _nothing_beside(_name: str) -> None:
    """Returns None: a manifest of another file name may be in a folder with those of other projects."""


def _in_folder(manifest: Path) -> tuple[Input, FindBeside]:
    def beside(name: str) -> Input | None:
        path = manifest.parent / name
        return next(inputs.find([str(path)])) if path.is_file() else None

    return next(inputs.find([str(manifest)])), beside


def _in_s3(address: str) -> Iterator[tuple[Input, FindBeside]]:
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
        raise NotFound(f"no {MANIFEST} below {address}; check the bucket and the prefix")
    for name in manifests:
        yield objects[name], partial(_object_beside, name.rpartition("/")[0], objects)


def _object_beside(folder: str, objects: Mapping[str, Input], name: str) -> Input | None:
    return objects.get(f"{folder}/{name}")


def _compiled(manifest: Manifest, results: RunResults | None, beside: FindBeside) -> Manifest:
    """Returns the manifest, with compiled SQL from dbt's files for nodes that have no SQL in the other artifacts.

    A file may be of an earlier run, and so of older code, so the files come last.
    """
    manifest, texts = with_executed_sql(manifest, results), dict[str, str]()
    for unique_id in manifest.without_sql():
        sources = filter(None, map(beside, manifest.compiled_paths(unique_id)))
        if (source := next(sources, None)) is not None and (text := _text(source)):
            texts[unique_id] = text
    return manifest.with_sql(texts)


def _text(source: Input) -> str | None:
    with source.open() as stream:
        data = stream.read(MAX_SQL_BYTES + 1)
    return data.decode(errors="replace").strip() if len(data) <= MAX_SQL_BYTES else None


def _parse(source: Input, read: Callable[[Mapping[str, Any]], Read]) -> Read:
    with source.open() as stream:
        data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise HeadwaterError(
            f"{source.name} is larger than {MAX_BYTES} bytes, so it is not a dbt artifact; check the path"
        )
    try:
        document = orjson.loads(data)
        return read(document if isinstance(document, dict) else {})
    except orjson.JSONDecodeError as error:
        raise HeadwaterError(f"{source.name} is not valid JSON: {error}") from error
    except ArtifactError as error:
        raise HeadwaterError(f"{source.name}: {error}") from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise HeadwaterError(f"{source.name} does not have the format of a dbt artifact: {error!r}") from error


def _catalog(document: Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(document.get("nodes"), dict) or not isinstance(document.get("sources"), dict):
        raise ArtifactError("not a dbt catalog: nodes or sources is missing")
    return document


def _sibling(source: Input | None, read: Callable[[Mapping[str, Any]], Read]) -> Read | None:
    return _parse(source, read) if source is not None else None


def _ids(catalog: Mapping[str, Any]) -> set[str]:
    return {*catalog["nodes"], *catalog["sources"]}


def _shares(ids: Collection[str], manifest: Manifest) -> bool:
    return any(manifest.node(unique_id) for unique_id in ids)


def _require_one(manifest: str, own: Sequence[str], kind: str) -> None:
    if len(own) > 1:
        raise HeadwaterError(f"{manifest} has nodes of {' and '.join(own)}; give one {kind} per project")

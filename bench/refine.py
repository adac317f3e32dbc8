"""What refinement adds to a run: a project of a thousand models, refined once and again with nothing changed.

    python -m bench.refine [--models 1000]

Models are of dbt's staging form, joins, aggregates, windows and unions, in layers of a hundred, in Redshift's dialect.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from string import Template
from typing import Any

from emitter.refine import RefineOptions, Refiner

NAMESPACE = "redshift://wg.123456789012.us-east-1.redshift-serverless.amazonaws.com:5439"
COLUMNS = [f"c{number}" for number in range(20)]
LAYER = 100


# What stands in brackets is repeated for each column after the first, with its name for the @.
STAGING = """
with source as (select * from $first), renamed as (select c0, [trim(@)::varchar as @] from source)
select * from renamed
"""
JOINED = """
with b as (select c0, count(*) as n, sum(c1) as total from $second group by 1),
c as (select c0, max(c2) as top from $third where c3 > 0 group by c0)
select a.*, nvl(b.n, 0) as n_$number, b.total + c.top as sum_$number
from $first a left join b on a.c0 = b.c0 left join c on c.c0 = a.c0
"""
RANKED = """
with u as (select c0, [@] from $first union all select c0, [@] from $second),
r as (select u.*, row_number() over (partition by c0 order by c5 desc) as rn from u where c0 in (select c0 from $third))
select c0, [@] from r where rn = 1
"""
CHOSEN = """
select x.c0, [case when x.@ = 'a' then y.@ else z.@ end as @]
from $first x join $second y on y.c0 = x.c0 left join $third z on z.c0 = y.c0
"""
SHAPES = (JOINED, RANKED, CHOSEN)


def manifest(models: int) -> dict[str, Any]:
    """A manifest with as many models, the first layer on sources, each other on the layer before."""
    nodes: dict[str, Any] = {}
    sources: dict[str, Any] = {}
    for number in range(models):
        if number < LAYER:
            above = [f"source.bench.raw.s{number}"]
            columns = {name: {"name": name} for name in COLUMNS}
            sources[above[0]] = _node(above[0], f"s{number}", "raw", [], columns=columns, source_name="raw")
        else:
            first = number - LAYER
            above = [f"model.bench.m{first // LAYER * LAYER + (first + step) % LAYER}" for step in (0, 7, 13)]
        unique_id = f"model.bench.m{number}"
        names = [_quoted(nodes.get(each) or sources[each]) for each in above]
        nodes[unique_id] = _node(unique_id, f"m{number}", "marts", above, compiled_code=sql(number, names))
    metadata = {"adapter_type": "redshift", "generated_at": "2026-11-21T05:00:00Z"}
    return {"metadata": metadata, "nodes": nodes, "sources": sources}


def sql(number: int, above: list[str]) -> str:
    """A model's SQL over the tables above it."""
    text = SHAPES[number % len(SHAPES)] if len(above) > 1 else STAGING
    names = {"number": str(number), **dict(zip(("first", "second", "third"), above, strict=False))}
    return Template(re.sub(r"\[(.*?)\]", _repeated, text)).substitute(names)


def _repeated(item: re.Match[str]) -> str:
    return ", ".join(item[1].replace("@", name) for name in COLUMNS[1:])


def _node(unique_id: str, name: str, schema: str, above: list[str], **more: Any) -> dict[str, Any]:
    own = {"unique_id": unique_id, "name": name, "alias": name, "database": "dev", "schema": schema, "columns": {}}
    return own | {"config": {"materialized": "table"}, "depends_on": {"nodes": above}} | more


def _quoted(node: dict[str, Any]) -> str:
    return f'"{node["database"]}"."{node["schema"]}"."{node["alias"]}"'


def events(document: dict[str, Any]) -> list[dict[str, Any]]:
    """A START and a COMPLETE of each model, as dbt-ol sends them."""
    found = []
    for kind in ("START", "COMPLETE"):
        for unique_id, node in document["nodes"].items():
            job = {"namespace": "dbt", "name": unique_id, "facets": {"dbt_node": {"unique_id": unique_id}}}
            name = f"{node['database']}.{node['schema']}.{node['alias']}"
            output = {"namespace": NAMESPACE, "name": name, "facets": {}}
            found.append(
                {"eventType": kind, "run": {"runId": unique_id}, "job": job, "inputs": [], "outputs": [output]}
            )
    return found


def refine_all(document: Path, cache: Path) -> dict[str, float]:
    """Refines every event with a cache; returns seconds and counts."""
    started = time.perf_counter()
    project = json.loads(document.read_bytes())
    refiner = Refiner(project, options=RefineOptions(cache=cache))
    fields = 0
    for event in events(project):
        refined = refiner.refine(event)
        fields += len(refined["outputs"][0]["facets"].get("columnLineage", {}).get("fields", ()))
    refiner.save()
    seconds = time.perf_counter() - started
    return {"seconds": round(seconds, 2), "fields": fields, "cache_mb": round(cache.stat().st_size / 1e6, 1)}


def main() -> None:
    """Runs each pass in a process of its own, as each dbt is one, and prints one line a pass."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--pass", dest="one", nargs=2, metavar=("MANIFEST", "CACHE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(refine_all(*map(Path, arguments.one))))
        return
    with tempfile.TemporaryDirectory() as folder:
        document, cache = Path(folder, "manifest.json"), Path(folder, "cache")
        document.write_text(json.dumps(manifest(arguments.models)))
        for name in ("once", "again"):
            started = time.perf_counter()
            command = [sys.executable, "-m", "bench.refine", "--pass", str(document), str(cache)]
            told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
            print(f"{name:6} {time.perf_counter() - started:6.2f} s with the process  {told}")


if __name__ == "__main__":
    main()

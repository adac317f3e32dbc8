#!/usr/bin/env bash
# networkx writes the URI of a dataset to a DOT file as a node and a port, so all datasets of a scheme are one node.
#
# Tool: networkx 3.6.1 with pydot 4.0.1 (PyPI), nx_pydot.write_dot and read_dot.
# Input: a lineage graph whose nodes are named by URIs: three datasets in S3, two edges, a label for each node.
# Guess: a name is written in quotes if it has to be, so the file names three nodes, and reading it gives the graph back.
# Observed: pydot splits a name at the first colon and puts only the rest into quotes. To Graphviz s3:"//lake/raw" is the node s3 with
# a port, so the file has one node, the label of the last dataset, and edges from the node to itself. Read back it has four nodes,
# and none of them has the name of a dataset. No error and no warning. With the names in quotes all is right.
# Why it matters: OpenLineage's namespaces are URIs (s3://, kafka://, postgres://). The picture of the lineage of hundreds of tables is
# a circle or two, and a step that reads the file finds no dataset. Put names into quotes before they are written.
#
#> written: s3 [label=raw];
#> written: s3 [label=clean];
#> written: s3 [label=report];
#> written: s3:"//lake/raw" -> s3:"//lake/clean";
#> written: s3:"//lake/clean" -> s3:"//lake/report";
#> read back, names as they are: 4 nodes, 0 of 3 names
#> read back, names in quotes: 3 nodes, 3 of 3 names
. "$(dirname "$0")/common.sh"
install networkx==3.6.1 pydot==4.0.1
venv/bin/python - >seen <<'PYTHON'
import networkx
from networkx.drawing.nx_pydot import read_dot, write_dot

NAMES = ("raw", "clean", "report")


def graph(name):
    lineage = networkx.DiGraph()
    for dataset in NAMES:
        lineage.add_node(name(dataset), label=dataset)
    networkx.add_path(lineage, [name(dataset) for dataset in NAMES])
    return lineage


def show(text, name):
    write_dot(graph(name), "lineage.dot")
    back = read_dot("lineage.dot")
    found = sum(1 for dataset in NAMES if back.nodes.get(f"s3://lake/{dataset}", {}).get("label") == dataset)
    print(f"{text}: {len(back)} nodes, {found} of 3 names")


write_dot(graph("s3://lake/{}".format), "lineage.dot")
with open("lineage.dot") as file:
    for line in file:
        if "s3" in line:
            print("written:", line.strip())
show("read back, names as they are", "s3://lake/{}".format)
show("read back, names in quotes", '"s3://lake/{}"'.format)
PYTHON
compare

"""The notebook is one, and asks what docs/graph.md asks, whose queries the tests run on a TinkerPop server."""

from __future__ import annotations

from pathlib import Path

import nbformat

from tests.support.docs import code_in_docs


def test_the_notebook_has_the_documented_queries(root: Path) -> None:
    """The article's two queries and six more, unmodified and in the same order; no results of somebody's graph."""
    notebook = nbformat.read(root / "deploy" / "notebook" / "lineage.ipynb", as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    asked = [cell.source for cell in code if cell.source.startswith("%%gremlin")]
    documented = [block.rstrip("\n") for block in code_in_docs.blocks(root / "docs" / "graph.md", "gremlin")]
    assert asked == documented, "deploy/notebook/lineage.ipynb and docs/graph.md differ"
    assert len(asked) == 8
    assert not [cell for cell in code if cell.outputs], "it holds results"

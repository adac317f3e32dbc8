"""The page's document: its policy, its first answer, its plain tree, and the files that it loads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from html import unescape
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from consumer.api.access.keys import load_keys, new_key
from consumer.graph.sqlite_store import SqliteStore
from tests.support.api.serving import client_of
from tests.support.graph.example_graphs import job, table
from tests.support.graph.graph_of_events import write

HOSTILE = "</script><b>&'\""
CHAIN = [job(table("b"), table("a")), job(table("c"), table("b"), table("a")), job(table(HOSTILE), table("c"))]


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the graph a > b > c > a table with a hostile name."""
    file = tmp_path_factory.mktemp("graph") / "graph.db"
    store = SqliteStore(file)
    write(store, [CHAIN])
    store.close()
    return file


@pytest.fixture(scope="module")
def client(graph: Path) -> Iterator[TestClient]:
    """A client of the server on that graph."""
    with client_of(graph) as found:
        yield found


def tree(text: str) -> list[str]:
    """The names in a document's tree, indented by level."""
    items = re.findall(r'<li role="treeitem" aria-level="(\d)"[^>]*>(?:<a href="[^"]*">)?([^<]*)', text)
    return ["  " * (int(level) - 1) + unescape(name) for level, name in items]


def test_the_policy_lets_nothing_in(client: TestClient) -> None:
    """The page has a strict policy of its own, and answers of the API keep theirs."""
    policy = client.get("/").headers.get_list("content-security-policy")
    assert len(policy) == 1
    assert policy[0].startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy[0]
    assert client.get("/healthz").headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"


def test_files_are_kept_for_good(client: TestClient) -> None:
    """The files that the document names are there, cacheable for ever; any other name is 404."""
    text = client.get("/").text
    for address in re.findall(r'(?:src|href)="(assets/[^"]*)"', text):
        answer = client.get(f"/{address}")
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    for name in ("nothing.js", "manifest.json", "..%2F..%2Fpyproject.toml"):
        assert client.get(f"/assets/{name}").status_code == 404


def test_the_first_answer_is_inside(client: TestClient) -> None:
    """The document has the answer that the script asks first, and no name in it ends the element."""
    text = client.get("/", params={"node": "c", "up": "all", "down": "2"}).text
    found = re.search(r'<script type="application/json" id="first">(.*?)</script>', text)
    assert found is not None
    first = json.loads(found[1])
    assert first["query"] == {"node": "c", "upstream": 100, "downstream": 2, "limit": 1000, "states": False}
    assert [node["name"].endswith(HOSTILE) for node in first["answer"]["nodes"]].count(True) == 1
    assert len(first["answer"]["nodes"]) == 4
    assert HOSTILE not in text


def test_the_tree_without_scripts(client: TestClient) -> None:
    """Each dataset's branches are shown once, below the heading of its direction."""
    text = client.get("/", params={"node": "c", "up": "3"}).text
    assert tree(text)[:4] == ["Upstream: 2 direct", "  a", "  b", "    a"]
    assert tree(text)[4] == "Downstream: 1 direct"


@pytest.mark.parametrize("steps", ["9" * 5_000, "-1", "1.5", "\u0663", "all", ""])
def test_any_number_of_steps_is_an_answer(client: TestClient, steps: str) -> None:
    """Counts of more digits than Python reads are the limit; what is no number is one step."""
    answer = client.get("/", params={"node": "c", "up": steps})
    assert answer.status_code == 200
    assert 'role="treeitem"' in answer.text


def test_links_name_a_dataset_whose_namespace_begins_as_a_job(tmp_path: Path) -> None:
    """Each link of the tree and of the search leads to the dataset, and those of a job to the job."""
    odd = ("job:dbt", "odd")
    with closing(SqliteStore(tmp_path / "graph.db")) as store:
        write(store, [[job(odd, table("a"), name="maker")]])
    with client_of(tmp_path / "graph.db") as client:
        for query in ({"node": "a"}, {"node": "odd"}, {"q": "odd"}, {"node": "odd", "at": "2100-01-01"}):
            links = set(re.findall(r"href=\"\?node=([^&\"]*)", client.get("/", params=query).text))
            assert "dataset%3Ajob%3Adbt%2Fodd" in links, query
            assert "job%3Adbt%2Fodd" not in links, query
        assert "dataset%3Ajob%3Adbt%2Fodd" in client.get("/", params={"node": "dataset:job:dbt/odd"}).text
        assert 'href="?node=job%3Adbt%2Fmaker' in client.get("/", params={"node": "job:maker"}).text


def test_search_without_scripts(client: TestClient) -> None:
    """The form's results are links."""
    text = client.get("/", params={"q": "dev.s.b"}).text
    assert "1 result for dev.s.b" in text
    assert re.search(r'<a href="\?node=[^"]*dev\.s\.b">b</a>', text)


@pytest.mark.timeout(60)
def test_cycles_through_the_root_end(tmp_path: Path) -> None:
    """A table that is made from itself, or from what it makes, is in the tree once more, as a leaf."""
    loops = [job(table("own"), table("own")), job(table("a"), table("b")), job(table("b"), table("a"))]
    with closing(SqliteStore(tmp_path / "graph.db")) as store:
        write(store, [loops])
    with client_of(tmp_path / "graph.db") as client:
        own = tree(client.get("/", params={"node": "own", "up": "all", "down": "all"}).text)
        a = tree(client.get("/", params={"node": "a", "up": "all", "down": "0"}).text)
    assert own == ["Upstream: 1 direct", "  own", "Downstream: 1 direct", "  own"]
    assert a == ["Upstream: 1 direct", "  b", "    a", "Downstream: 1 direct", "  b", "    a"]


def test_unknown_names_are_a_page_too(client: TestClient) -> None:
    """A name that means nothing is answered with the page, which says so."""
    answer = client.get("/", params={"node": "<nothing>"})
    assert answer.status_code == 200
    assert "no dataset is called &lt;nothing&gt;" in answer.text


def test_nothing_of_the_graph_without_a_key(graph: Path, tmp_path: Path) -> None:
    """With keys the document is served without any name of the graph; the script asks for a key."""
    key, sha256 = new_key("reader")
    file = tmp_path / "keys.toml"
    file.write_text(f'[[keys]]\nid = "reader"\nsha256 = "{sha256}"\nscopes = ["read"]\n', encoding="utf-8")
    with client_of(graph, access=load_keys(file)) as client:
        for query in ({"node": "c"}, {"q": "dev"}):
            answer = client.get("/", params=query)
            assert answer.status_code == 200
            assert "redshift" not in answer.text
            assert "no valid key" in answer.text
        allowed = client.get("/", params={"node": "c"}, headers={"Authorization": f"Bearer {key}"})
        assert "redshift" in allowed.text


def test_a_repeated_answer_is_spared(client: TestClient) -> None:
    """The document has an ETag."""
    first = client.get("/", params={"node": "c"})
    assert client.get("/", params={"node": "c"}, headers={"If-None-Match": first.headers["etag"]}).status_code == 304

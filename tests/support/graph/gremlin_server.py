"""A real Gremlin Server, configured as Neptune is as far as it can be."""

from typing import Any

from tests.support.processes.server_process import Server, ask, free_port, require


class GremlinServer(Server):
    """TinkerPop's server with one graph in memory."""

    def __init__(self, graph: str = "tinkertransactiongraph") -> None:
        """Starts it.

        Args:
            graph: `tinkertransactiongraph` (one request is one transaction) or `tinkergraph` (faster when large).
        """
        require("java", "install a JDK 17, such as Debian's openjdk-17-jdk-headless")
        super().__init__(graph, "gremlin/down.sh", {"GRAPH": graph})
        self.port = free_port()
        self.log = self.state / f"gremlin-{self.port}.log"
        self.call("gremlin/up.sh", self.port)

    @property
    def url(self) -> str:
        """Its address for a Gremlin driver."""
        return f"ws://127.0.0.1:{self.port}/gremlin"

    def query(self, script: str) -> list[Any]:
        """Runs a script, by HTTP; gives its results in untyped GraphSON."""
        answer = ask(self.port, "POST", "/gremlin", {"gremlin": script, "language": "gremlin-lang"})
        return list(answer["result"]["data"])

    def clear(self) -> None:
        """Drops everything."""
        self.query("g.V().drop()")

"""`headwater serve`: lineage over HTTP."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click
import structlog

from consumer import wiring
from consumer.cli.help_text import examples
from consumer.cli.options import with_settings
from consumer.config.loader import Settings
from consumer.runtime import limit_malloc_arenas

if TYPE_CHECKING:
    from consumer.api.receivers import Receiver

_log = structlog.get_logger(__name__)


@click.command(
    name="serve",
    epilog=examples(
        "headwater serve --graph sqlite:///headwater.db",
        "headwater serve --ingest kafka --config headwater.toml",
        "headwater serve --host 0.0.0.0 --keys-file keys.toml",
        "curl 'http://127.0.0.1:5000/api/v2/lineage?node=titles&upstream=5'",
    ),
)
@with_settings("graph", "serve", "kafka", "identity", own="serve")
def serve(settings: Settings) -> None:
    """Answer queries over HTTP, and receive OpenLineage events.

    GET /api/v2/... has the answers of search, show, lineage, impact, path, runs and why; /api/v2/openapi.json describes
    them. The other GETs of /api/v1 are Marquez's, for its web UI and clients. POST /api/v1/lineage and
    /api/v1/lineage/batch take events of any OpenLineage client: 2xx means durable, in the topic or in the graph. /mcp
    has the tools of headwater mcp for assistants. /healthz, /readyz and /metrics are for orchestrators. On SIGTERM,
    received events are written and answered, and the exit code is 0.
    """
    from consumer.api import server  # noqa: PLC0415 -- of the extra `serve`
    from consumer.mcp.http_app import http_app  # noqa: PLC0415

    limit_malloc_arenas()
    options = settings.serve
    access = server.access_of(options)
    _try_graph(settings)
    open_store = partial(wiring.open_existing, settings.graph, wiring.READER_RETRY_POLICY)
    parts = server.Parts(
        open_store, _receiver(settings), access, options.threads, options.timeout_s, assistant=http_app
    )
    sockets = server.listen(options.host, options.port)
    port = sockets[0].getsockname()[1]
    _log.info("serving", host=options.host, port=port, ingest=options.ingest)
    stopped_by = server.run(server.application(parts), options, sockets)
    _log.info("stopped", signal=stopped_by)
    if stopped_by == "SIGINT":
        raise KeyboardInterrupt


def _try_graph(settings: Settings) -> None:
    """Opens the graph once, so that a file that can't be used ends the command; a graph on a server is not asked yet.

    A file that does not exist, or has no bytes, becomes a graph if the server takes events.

    Raises:
        UsageError: The graph can't be used, or does not exist and the server takes no events.
    """
    if settings.serve.ingest == "off":
        wiring.require_existing(settings.graph)
    absence = wiring.absence(settings.graph)
    claims = settings.serve.ingest == "graph"
    wiring.open_graph(settings.graph, wiring.READER_RETRY_POLICY, claims=claims).close()
    if absence:
        _log.warning("created an empty graph", file=str(wiring.sqlite_file(settings.graph)), reason=f"it {absence}")


def _receiver(settings: Settings) -> Receiver | None:
    from consumer.api.receivers import GraphReceiver, TopicReceiver  # noqa: PLC0415

    if settings.serve.ingest == "off":
        return None
    if settings.serve.ingest == "graph":
        return GraphReceiver(lambda: wiring.graph_sink(settings, retry_policy=wiring.SERVICE_RETRY_POLICY))
    from consumer.kafka.producer import TopicProducer  # noqa: PLC0415 -- Kafka's client only where it is needed

    return TopicReceiver(TopicProducer(settings.kafka), settings.kafka.topic)

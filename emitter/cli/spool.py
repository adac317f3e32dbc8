"""The command `headwater-dbt spool [status|flush]`."""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from openlineage.client.transport.noop import NoopConfig, NoopTransport

from emitter.config.openlineage_config import make_client
from emitter.config.transport_config import KafkaConfig
from emitter.delivery.outbox import Spool, open_spool
from emitter.delivery.sender import Sender
from emitter.delivery.spool_flush import FlushOutbox
from emitter.errors import ConfigError, EmitterError
from emitter.spool.layout import LAYOUT, queues, spool_folder
from emitter.spool.queue import Queue
from emitter.spool.spool_status import as_text, status
from emitter.transport import KafkaTransport, open_broker

DONE, FAILED, USAGE = 0, 1, 2
_TYPE = f"{KafkaTransport.__module__}.{KafkaTransport.__name__}"


def main(arguments: Sequence[str]) -> int:
    """Runs the command; returns 0 on success, 1 on failure or if events are left, 2 on usage or settings errors."""
    options = _parser().parse_args(arguments)
    try:
        settings = transport_settings()
        root = _root(options.spool_dir, settings)
        if options.action == "status":
            return _show_status(root, as_json=options.json)
        return _flush(root, settings, options)
    except (EmitterError, OSError) as error:
        sys.stderr.write(f"headwater-dbt spool: {error}\n")
        return USAGE if isinstance(error, ConfigError | OSError) else FAILED


def transport_settings() -> Mapping[str, Any] | None:
    """Returns the settings of this package's transport, from openlineage.yml or the environment; None without any.

    Raises:
        ConfigError: OpenLineage can't read its configuration.
    """
    client = make_client(NoopTransport(NoopConfig()))
    return next(_ours(client.config.transport), None)


def _ours(transport: Any) -> Iterator[Mapping[str, Any]]:
    """Yields the settings of this package's transport, also those within a composite transport."""
    if not isinstance(transport, Mapping):
        return
    if transport.get("type") == _TYPE:
        yield transport
    nested = transport.get("transports")
    for other in nested.values() if isinstance(nested, Mapping) else nested if isinstance(nested, list) else ():
        yield from _ours(other)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="headwater-dbt spool", description="Inspect and flush events queued on disk.")
    parser.add_argument("action", nargs="?", choices=("status", "flush"), default="status", help="default: status")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--spool-dir", help="the spool's folder; default: the transport's `spool_dir`")
    parser.add_argument(
        "--timeout", type=float, default=60.0, metavar="SECONDS", help="maximum duration of flush; default: 60"
    )
    parser.add_argument("--queue", help="flush this queue to the configured brokers, also if it belongs to others")
    return parser


def _root(option: str | None, settings: Mapping[str, Any] | None) -> Path:
    named = option or (settings or {}).get("spool_dir")
    return spool_folder(str(named) if named else None)


def _show_status(root: Path, *, as_json: bool) -> int:
    found = status(root)
    sys.stdout.write((json.dumps(found, indent=2) if as_json else as_text(found)) + "\n")
    return DONE


def _flush(root: Path, settings: Mapping[str, Any] | None, options: argparse.Namespace) -> int:
    if settings is None:
        raise ConfigError(f"no transport of type {_TYPE} in openlineage.yml or OPENLINEAGE__TRANSPORT: configure one")
    config = KafkaConfig.from_dict({**settings, "spool_dir": str(root)})
    spool = _disk(root, config, options.queue)
    sender = Sender(lambda: open_broker(config), FlushOutbox(spool))
    sender.start()
    summary = sender.close(options.timeout)
    others = [queue for queue in queues(root) if queue != spool.queue.folder and any(Queue(queue, "").waiting())]
    if options.json:
        counts = {
            "sent": summary.sent,
            "waiting": summary.waiting,
            "quarantined": summary.quarantined,
            "lost": summary.lost,
        }
        sys.stdout.write(
            json.dumps({**counts, "reasons": summary.reasons, "other_queues": [q.name for q in others]}) + "\n"
        )
    else:
        sys.stdout.write(f"OpenLineage events: {summary}{config.destination}\n")
        for queue in others:
            sys.stderr.write(
                f"headwater-dbt spool: queue {queue.name} belongs to other brokers; use `--queue` to send it to these\n"
            )
    return DONE if summary.complete else FAILED


def _disk(root: Path, config: KafkaConfig, queue: str | None) -> Spool:
    if queue is None:
        return open_spool(config)
    folder = root / LAYOUT / queue
    if folder not in queues(root):
        raise ConfigError(f"no queue {queue!r} in {root}; `headwater-dbt spool status` lists them")
    return open_spool(config)._replace(queue=Queue(folder, config.topic))

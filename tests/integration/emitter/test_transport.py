"""The transport in a process that does not close its client."""

import subprocess
import sys
from pathlib import Path


def test_a_client_that_is_not_closed_sends_and_talks_on_stderr_alone(tmp_path: Path) -> None:
    """dbt-ol doesn't close its client on every way out; the end of the process does, and stdout stays as it was."""
    script = (
        "import sys; from emitter.transport import KafkaTransport\n"
        "from emitter.config.transport_config import CheckedConfig\n"
        "transport = KafkaTransport(CheckedConfig.from_dict({'bootstrap_servers': sys.argv[1]}))\n"
        "assert 'kafka' not in sys.modules, 'kafka-python is loaded before it is needed'\n"
        "assert not {'consumer', 'schemas', 'pydantic'} & set(sys.modules), 'a guest brings its own'\n"
        "transport.emit({'job': {'namespace': 'a', 'name': 'b'}})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, f"file://{tmp_path}"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    where = f"; destination: file {tmp_path}/openlineage.events.jsonl"
    assert done.stderr == f"headwater: OpenLineage events: 1 sent, 0 waiting, 0 quarantined{where}\n"
    assert len((tmp_path / "openlineage.events.jsonl").read_bytes().splitlines()) == 1

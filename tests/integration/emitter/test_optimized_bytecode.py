"""Python without its asserts: no lineage can go to Kafka, which is said in words, and nothing is lost."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.dbt.fake_dbt import ALL_KEPT, FakeDbt

EMIT = """
from emitter.config.transport_config import CheckedConfig
from emitter.transport import KafkaTransport
transport = KafkaTransport(CheckedConfig.from_dict({{"bootstrap_servers": "{servers}", "close_timeout": 30}}))
transport.emit({{"job": {{"namespace": "a", "name": "b"}}}})
transport.close()
"""


def optimised(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs this Python with `-O`."""
    command = [sys.executable, "-O", *arguments]
    return subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, check=False, timeout=60
    )


def test_the_transport_says_so_and_keeps_the_events() -> None:
    """At once, rather than with each attempt, and with what to do."""
    done = optimised("-c", EMIT.format(servers="127.0.0.1:9"))
    assert done.returncode == 0, done.stderr
    [line] = done.stderr.splitlines()
    assert "0 sent, 1 waiting, 0 quarantined" in line
    assert "unset PYTHONOPTIMIZE and start Python without -O" in line
    waiting = list(Path(os.environ["HEADWATER_SPOOL_DIR"]).rglob("*.seg"))
    assert len(waiting) == 1


def test_a_log_on_disk_needs_no_kafka(tmp_path: Path) -> None:
    """So nothing keeps its events back."""
    done = optimised("-c", EMIT.format(servers=tmp_path.as_uri()))
    assert "1 sent, 0 waiting, 0 quarantined" in done.stderr


def test_the_spools_command_says_so() -> None:
    """`headwater-dbt spool flush` of what waits ends with 1 and the reason."""
    optimised("-c", EMIT.format(servers="127.0.0.1:9"))
    settings = {"type": "emitter.transport.KafkaTransport", "bootstrap_servers": "127.0.0.1:9"}
    script = "import sys; from emitter.cli.main import main; sys.argv[1:] = ['spool', 'flush']; sys.exit(main())"
    done = optimised("-c", script, OPENLINEAGE__TRANSPORT=json.dumps(settings))
    assert done.returncode == 1, done.stderr
    assert "unset PYTHONOPTIMIZE" in done.stdout


def test_headwater_dbt_sends_all_the_same(tmp_path: Path) -> None:
    """Its lineage process is one of its own: dbt runs as it was told to, and lineage with Python's asserts."""
    scenario = "begin(); print(sys.flags.optimize); model('model.shop.orders'); say('CommandCompleted', success=True)"
    dbt = FakeDbt(tmp_path, f"{scenario}\n{ALL_KEPT}")
    transport = {"type": "emitter.transport.KafkaTransport", "bootstrap_servers": "127.0.0.1:9", "close_timeout": 1}
    done = dbt.run("run", transport=transport, PYTHONOPTIMIZE="1")
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr
    assert "0 sent, 4 waiting" in done.stderr
    assert "PYTHONOPTIMIZE" not in done.stderr, "it tried Kafka, which is not there"


@pytest.mark.parametrize("command", [["consume"], ["check", "kafka"], ["replay", "--from", "beginning"]])
def test_the_consumer_says_so(tmp_path: Path, command: list[str]) -> None:
    """Before it tries for ever what can't succeed."""
    script = f"import sys; sys.argv[1:] = {command!r}; from consumer.cli.main import main; sys.exit(main())"
    settings = {"HEADWATER_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:9", "HEADWATER_GRAPH": f"sqlite:///{tmp_path}/g"}
    done = optimised("-c", script, **settings)
    assert done.returncode in {1, 2}, done.stderr
    assert "unset PYTHONOPTIMIZE" in done.stdout + done.stderr

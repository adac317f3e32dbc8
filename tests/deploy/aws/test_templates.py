"""What the templates run: settings that exist, commands that exist, and the shape of the services."""

from __future__ import annotations

import csv
import json
import os
import re
import resource
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from consumer import wiring
from consumer.alerts.declarations import Declarations, read_declarations
from consumer.cli.command_group import all_commands, subcommands
from consumer.cli.main import cli
from consumer.config.loader import all_settings, load
from deploy.aws.deployment_settings import Settings
from deploy.aws.deployment_settings import load as load_choices
from tests.deploy.aws.synthesized import SNAPSHOTS, Synthesized, snapshot

OUTAGE = """
import threading
from tenacity import wait_fixed
from consumer.errors import TransientError
from consumer.processing.batch import Batch
from consumer.processing.step_retrier import Retrier
from consumer.processing.record import Record
from consumer.config.settings import BatchSettings
from consumer.telemetry.logs import configure
from schemas.decode import decode

configure(format="json")
Batch().add(Record("events", 0, 0, None, b"{}", 0), decode, 86400, 0)
now = [0.0]

def sleep(seconds):
    now[0] += seconds

def write():
    if now[0] < 120:
        raise TransientError("the graph is down")

stop = threading.Event()
retry = Retrier(BatchSettings(), lambda: now[0], stop, lambda *_: None, sleep=sleep, backoff=wait_fixed(30))
retry("writing", write)
"""
"""A service that rejects a record and can't write for two minutes, which by its clock pass at once."""


def spelled(value: Any) -> str:
    """A value of CloudFormation as text; what is known only when it is deployed reads as `x`."""
    if isinstance(value, dict):
        ((function, inner),) = value.items()
        return "".join(map(spelled, inner[1])) if function == "Fn::Join" else "x"
    return str(value)


def containers(found: Synthesized) -> dict[str, dict[str, Any]]:
    """The one container of each task, by the task's name."""
    return {
        task.name.partition("Task")[0]: task.properties["ContainerDefinitions"][0]
        for task in found.every("AWS::ECS::TaskDefinition")
    }


def environment(container: dict[str, Any]) -> dict[str, str]:
    """A container's settings."""
    found = {variable["Name"]: spelled(variable["Value"]) for variable in container["Environment"]}
    # Known only when it is deployed, and HOST:PORT then.
    return found | {name: "broker:9098" for name, value in found.items() if "BOOTSTRAP" in name and value == "x"}


def test_snapshots(either: Synthesized) -> None:
    """What would be deployed is what was last looked at."""
    for name, template in either.templates.items():
        path = SNAPSHOTS / f"{name}.json"
        assert path.exists(), f"{name} has no snapshot: python -m tests.deploy.aws.synthesized"
        assert snapshot(template) == path.read_text(encoding="utf-8"), (
            f"{name} has changed: renew with `python -m tests.deploy.aws.synthesized`, and read the difference"
        )


def test_nag_finds_nothing(either: Synthesized) -> None:
    """cdk-nag's AWS Solutions rules hold, or an exception says why."""
    reports = sorted(either.folder.glob("AwsSolutions-*-NagReport.csv"))
    assert len(reports) == len(either.templates), "nag did not look at every stack"
    rows = [row for report in reports for row in csv.DictReader(report.open(encoding="utf-8"))]
    assert len(rows) > 50, "nag found nothing to look at"
    wrong = [
        (row["Rule ID"], row["Resource ID"], row["Rule Info"])
        for row in rows
        if row["Compliance"] in {"Non-Compliant", "UNKNOWN"}
    ]
    assert not wrong, f"cdk-nag: {wrong}"
    for row in rows:
        if row["Compliance"] == "Suppressed":
            assert len(row["Exception Reason"]) > 30, f"{row['Resource ID']} {row['Rule ID']}: no reason"


def test_cfn_lint_finds_nothing(either: Synthesized, root: Path) -> None:
    """cfn-lint has nothing to say, warnings included."""
    config = root / "deploy" / "aws" / ".cfnlintrc.yaml"
    templates = sorted(map(str, either.folder.glob("*.template.json")))
    linter = Path(sys.executable).parent / "cfn-lint"
    done = subprocess.run([linter, "--config-file", config, *templates], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_settings_exist_and_can_be_read(either: Synthesized, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every HEADWATER setting of a task is one, and the program takes its value."""
    known = {setting.env for setting in all_settings()}
    known |= {
        option.envvar for command in all_commands(cli) for option in command.params if isinstance(option.envvar, str)
    }
    for name, container in containers(either).items():
        found = environment(container)
        reads = "serve" in container["Command"]
        broker = {"HEADWATER_KAFKA__AUTH", "HEADWATER_KAFKA__BOOTSTRAP_SERVERS"}
        assert reads or broker <= set(found), f"{name} finds no broker"
        # Not a setting, but what one names.
        assert set(found) - {"ALERTS_TOML"} <= known, f"{name}: there are no settings {set(found) - known}"
        with monkeypatch.context() as patched:
            for variable, value in found.items():
                patched.setenv(variable, value)
            settings = load({})
        wiring.identity_rules(settings)
        if reads:
            assert (settings.serve.access, settings.serve.ingest) == ("alb", "off"), name
            continue
        assert settings.kafka.auth == "iam", name
        assert settings.kafka.topic == either.settings.stream.topic, name


def test_commands_can_be_parsed(either: Synthesized, root: Path) -> None:
    """Every task runs a command that there is, with options that it has, after the image's own entry point."""
    dockerfile = (root / "deploy" / "images" / "consumer.Dockerfile").read_text(encoding="utf-8")
    found = re.search(r"^ENTRYPOINT (\[.*\])$", dockerfile, re.MULTILINE)
    assert found, "the image has no entry point"
    for name, container in containers(either).items():
        assert "EntryPoint" not in container, f"{name} has an entry point of its own"
        program, command, *arguments = [*map(str, json.loads(found[1])), *map(spelled, container["Command"])]
        assert program == "headwater", f"{name} starts {program}"
        subcommands(cli)[command].make_context(command, arguments, resilient_parsing=False)
        assert not [word for word in arguments if word == "x"], f"{name}: an argument is unknown"


def test_the_lines_to_run_tasks_by_hand(either: Synthesized) -> None:
    """What is printed to be run: a task that there is, and a command of headwater for the one container of it."""
    lines = {
        name: spelled(output["Value"])
        for template in either.templates.values()
        for name, output in template.get("Outputs", {}).items()
        if name in {"MakeTopics", "Operate"}
    }
    families = {task.properties["Family"] for task in either.every("AWS::ECS::TaskDefinition")}
    assert set(lines) == {"MakeTopics", "Operate"}
    for name, line in lines.items():
        words = shlex.split(line)
        assert words[:3] == ["aws", "ecs", "run-task"]
        options = dict(zip(words[3::2], words[4::2], strict=True))
        assert options["--task-definition"] in families, name
        if overrides := options.get("--overrides"):
            (instead,) = json.loads(overrides)["containerOverrides"]
            assert instead["name"] == "headwater", "ECS knows no such container"
            command, *arguments = instead["command"]
            with subcommands(cli)[command].make_context(command, arguments) as context:
                assert context.invoked_subcommand is None or context.protected_args or context.args
    assert "--overrides" in lines["Operate"]


def test_the_log_has_what_the_filters_look_for(default: Synthesized, other: Synthesized) -> None:
    """The lines that make the metrics of errors and dead letters are those that the service writes, of each sink."""
    done = subprocess.run([sys.executable, "-c", OUTAGE], capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    for found, sinks in ((default, 1), (other, 2 + other.settings.api.enabled + other.settings.alerting.enabled)):
        filters = [one for one in found.every("AWS::Logs::MetricFilter") if "Waiting" not in one.name]
        assert len({json.dumps(one.properties["LogGroupName"]) for one in filters}) == sinks, "a log is not looked at"
        assert len(filters) == 2 * sinks
        for one in filters:
            matched = re.fullmatch(r'\{ \$\.(\w+) = "([\w ]+)" \}', one.properties["FilterPattern"])
            assert matched, one.properties["FilterPattern"]
            assert [line for line in lines if line[matched[1]] == matched[2]], f"no line of the log is {matched[0]}"


def test_the_filter_of_waiting_alerts_looks_for_lines_of_the_service(other: Synthesized, root: Path) -> None:
    """The events that make the metric are those that evaluation and delivery log before they try again."""
    (found,) = (one for one in other.every("AWS::Logs::MetricFilter") if "Waiting" in one.name)
    events = re.findall(r'\$\.event = "([^"]+)"', found.properties["FilterPattern"])
    assert len(events) == 2
    code = "".join(path.read_text(encoding="utf-8") for path in (root / "consumer" / "alerts").glob("*.py"))
    assert all(f'_log.warning("{event}"' in code for event in events)


def declarations_of(found: Synthesized, name: str, monkeypatch: pytest.MonkeyPatch) -> Declarations:
    """Rules and channels of a task, as the program reads them."""
    variables = environment(containers(found)[name])
    monkeypatch.setenv("ALERTS_TOML", variables["ALERTS_TOML"])
    return read_declarations(Path(variables["HEADWATER_ALERTS__FILE"]))


def test_the_alerts_service_reads_what_was_declared(other: Synthesized, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our channels and the chosen rules are one file, which the program takes; the topics task has the Kafka topic."""
    declared = declarations_of(other, "Alerts", monkeypatch)
    assert [channel.type for channel in declared.channels] == ["sns", "eventbridge", "kafka"]
    assert [rule.kind for rule in declared.rules] == ["stopped"]
    made = declarations_of(other, "Topics", monkeypatch)
    assert [channel.topic for channel in made.channels] == ["lineage.alerts"]


def test_rolling_update_never_has_more_members(default: Synthesized, other: Synthesized) -> None:
    """Two tasks are replaced one by one; one stops before the next starts; both go back when the new one fails."""
    for found, healthy in ((default, {50}), (other, {0})):
        for service in found.every("AWS::ECS::Service"):
            if service.stack.endswith(("-api", "-alerts")):
                continue  # no member of a group: a new process beside the old ones does no harm
            deployment = service.properties["DeploymentConfiguration"]
            assert deployment["MaximumPercent"] == 100, f"{service.name} runs old and new at once"
            assert {deployment["MinimumHealthyPercent"]} == healthy, service.name
            assert deployment["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
            rebalancing = service.properties["AvailabilityZoneRebalancing"]
            assert rebalancing == "DISABLED", f"{service.name} gets a surplus member"
            least = found.settings.service.min_tasks if service.name.startswith("Consumer") else 1
            assert service.properties["DesiredCount"] == least, f"{service.name} begins with too few"


def test_health_checks(either: Synthesized) -> None:
    """What runs for good is asked whether it is alive, on the port that it listens on."""
    for name, container in containers(either).items():
        if name in {"Consumer", "Datazone"}:
            port = environment(container)["HEADWATER_HTTP__PORT"]
            assert f"127.0.0.1:{port}/healthz" in container["HealthCheck"]["Command"][-1], name
            compile(container["HealthCheck"]["Command"][-1], name, "exec")


def test_scaling_follows_the_lag(either: Synthesized) -> None:
    """More processes for more unread records, between the bounds that were chosen."""
    targets = {one.stack: one.properties for one in either.every("AWS::ApplicationAutoScaling::ScalableTarget")}
    target, chosen = targets[f"{either.settings.name}-service"], either.settings.service
    assert (target["MinCapacity"], target["MaxCapacity"]) == (chosen.min_tasks, chosen.max_tasks)
    alarms = [a for a in either.every("AWS::CloudWatch::Alarm") if a.stack.endswith("-service")]
    assert len(alarms) == 2
    assert all('"MetricName": "SumOffsetLag"' in json.dumps(alarm.properties) for alarm in alarms)
    assert {alarm.properties["Threshold"] for alarm in alarms} == {chosen.scale_at_lag, chosen.scale_at_lag // 10}


def test_the_nightly_batch(either: Synthesized) -> None:
    """Midnight, Step Functions, ECS and its end, three more tries."""
    schedule = either.one("AWS::Scheduler::Schedule").properties
    assert schedule["ScheduleExpression"] == "cron(0 0 * * ? *)"
    assert schedule["ScheduleExpressionTimezone"] == "UTC"
    machine = either.one("AWS::StepFunctions::StateMachine").properties
    definition = json.loads(spelled(machine["DefinitionString"]))
    state = definition["States"][definition["StartAt"]]
    assert state["Resource"].endswith(":states:::ecs:runTask.sync"), "it does not wait for the task's end"
    assert state["Retry"][0]["MaxAttempts"] == 3
    assert state["TimeoutSeconds"] > 0
    assert machine["TracingConfiguration"] == {"Enabled": True}
    assert containers(either)["Backfill"]["Command"][0] == "backfill"
    assert "--allow-empty" in containers(either)["Backfill"]["Command"], "an empty bucket would alarm every night"
    assert "--to-topic" in containers(either)["Backfill"]["Command"]


def test_alarms_tell_somebody(either: Synthesized) -> None:
    """What has to be watched is, and each alarm goes to the topic, also when it ends."""
    alarms = [alarm for alarm in either.every("AWS::CloudWatch::Alarm") if alarm.stack.endswith("-watch")]
    names = {alarm.properties["AlarmName"].removeprefix(f"{either.settings.name}-") for alarm in alarms}
    wanted = {
        "Lag",
        "DeadLetters",
        "Errors",
        "NoWrite",
        "NoMember",
        "GraphCpu",
        "GraphMemory",
        "GraphCapacity",
        "BatchFailed",
    }
    assert wanted <= names, f"nobody watches {wanted - names}"
    if either.settings.datazone.domain_id:
        assert {"DatazoneLag", "DatazoneNoMember"} <= names, "nobody watches what is forwarded"
    for alarm in alarms:
        assert alarm.properties["AlarmActions"], f"{alarm.name} tells nobody"
        assert alarm.properties["OKActions"], f"{alarm.name} does not say when it is over"


def test_everything_is_tagged(other: Synthesized) -> None:
    """What costs money has the tag that the budget counts."""
    for kind in ("Neptune::DBCluster", "ECS::Service", "S3::Bucket", "EC2::VPCEndpoint"):
        for found in other.every(f"AWS::{kind}"):
            tags = {tag["Key"]: tag["Value"] for tag in found.properties["Tags"]}
            assert tags.items() >= {"application": "lineage", "team": "data"}.items(), found.name
    budget = other.one("AWS::Budgets::Budget").properties["Budget"]
    assert budget["CostFilters"] == {"TagKeyValue": ["user:application$lineage"]}


def test_synthesis_is_offline_and_quick(root: Path, tmp_path: Path) -> None:
    """`cdk synth`'s command needs no credentials and no network, and less than a minute of CPU."""
    nowhere = dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"), "http://127.0.0.1:9")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    choices = tmp_path / "settings.toml"
    choices.write_text('name = "offline"\nnightly.enabled = false\n', encoding="utf-8")
    described = json.loads((root / "deploy" / "aws" / "cdk.json").read_text(encoding="utf-8"))
    context = json.dumps({**described["context"], "settings": str(choices)})
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(  # noqa: S602 -- as the CDK's own command line does
        described["app"],
        shell=True,
        cwd=root / "deploy" / "aws",
        env={**kept, **nowhere, "CDK_OUTDIR": str(tmp_path / "out"), "CDK_CONTEXT_JSON": context},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 60
    assert (tmp_path / "out" / "offline-service.template.json").exists()
    assert not (tmp_path / "out" / "offline-batch.template.json").exists(), "nightly.enabled was not heeded"
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert not manifest.get("missing"), "synthesis would ask AWS for these"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ('nmae = "x"', "nmae"),
        ('network.vpc_id = "vpc-1"', "subnet_ids"),
        ('zones = ["eu-west-1a", "eu-west-1b"]', "not a zone of us-east-1"),
        ('stream.kind = "provisioned"', "Express brokers need three zones"),
        ('graph.kms_key_arn = "alias/lineage"', "kms_key_arn"),
        ('replication.source_subnet_ids = ["subnet-1"]', "source_cluster_arn"),
        (
            """replication.source_subnet_ids = ["subnet-1"]
            replication.source_cluster_arn = "arn:aws:kafka:us-east-1:123456789012:cluster/x/a-1"
            """,
            "another region's",
        ),
        (
            'replication.offered = true\nstream = {kind = "provisioned", instance_type = "kafka.m7g.large"}',
            "needs 4 brokers",
        ),
        (
            """replication.offered = true
            stream = {kind = "provisioned", instance_type = "kafka.t3.small", brokers_per_zone = 2}
            """,
            "no kafka.t3 brokers",
        ),
        ("service.max_tasks = 1", "below min_tasks"),
        ("service.cpu = 1024", "Fargate has no task"),
        ('service.environment = {AWS_SECRET_ACCESS_KEY = "x"}', "HEADWATER_"),
        ('service.image_digest = "latest"', "image_digest"),
    ],
)
def test_wrong_choices_are_refused(wrong: str, says: str, tmp_path: Path) -> None:
    """A mistake is told before anything is synthesized, with the setting's name."""
    path = tmp_path / "settings.toml"
    path.write_text(wrong, encoding="utf-8")
    with pytest.raises(ValidationError, match=re.escape(says)):
        load_choices(path)


def test_no_choice_is_needed() -> None:
    """The defaults are whole."""
    assert load_choices(None) == Settings()

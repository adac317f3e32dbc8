"""What `headwater-dbt` says of OpenLineage's configuration: one message that names the place, and no secret."""

import json
from pathlib import Path

import pytest

from tests.support.dbt.fake_dbt import ALL_KEPT, FakeDbt

SECRET = "planted-s3cret"
KAFKA = "emitter.transport.KafkaTransport"
COMPLETE = "begin(); model('model.shop.orders'); say('CommandCompleted', success=True)"
MISSING = "lineage of 1 node is missing: model.shop.orders"


def lines(folder: Path, transport: str | None = None, scenario: str = COMPLETE, **environment: str) -> list[str]:
    """What a run says on stderr; the environment configures no transport unless one is given."""
    dbt = FakeDbt(folder, scenario)
    given = dbt.environment()
    del given["OPENLINEAGE__TRANSPORT"]
    if transport is not None:
        given["OPENLINEAGE__TRANSPORT"] = transport
    done = dbt.run_in(given | environment, "run")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "", "stdout is dbt's"
    assert SECRET not in done.stderr
    return done.stderr.splitlines()


@pytest.mark.parametrize(
    ("content", "reported"),
    [
        ("transport: [", "line 1, column 13: not valid YAML"),
        (f"transport:\n  type: http\n password: {SECRET}\n", "not valid YAML"),
        (f"transport:\n  password: '{SECRET}\n", "not valid YAML"),
        ("just words", "must hold settings such as `transport:`, not a str"),
        ("transport: http", "`transport` must be a mapping of settings such as `type: ...`"),
        ("\0", "can't be read"),
        (
            "transport: {type: emitter.transport.KafkaTransprt}",
            "did you mean `type: emitter.transport.KafkaTransport`?",
        ),
        ("transport: {type: htp, url: 'http://127.0.0.1:9'}", "can't be used"),
        (f"transport: {{type: http, url: 'not a url {SECRET}', password: {SECRET}}}", "can't be used"),
        (f"transport: {{type: http, url: 'https://user:{SECRET}@:x/'}}", "can't be used"),
    ],
)
def test_a_faulty_file_is_one_message_that_names_it(tmp_path: Path, content: str, reported: str) -> None:
    """With what is lost, and not once for each of dbt's messages."""
    (tmp_path / "openlineage.yml").write_text(content)
    [line] = lines(tmp_path)
    assert line.startswith("headwater-dbt: OpenLineage events: 0 sent, 4 lost: "), line
    assert str(tmp_path / "openlineage.yml") in line
    assert reported in line
    assert line.endswith(MISSING)


@pytest.mark.parametrize("variable", ["OPENLINEAGE__TRANSPORT", "OPENLINEAGE__TAGS"])
def test_a_variable_that_is_not_quite_json_is_not_shown(tmp_path: Path, variable: str) -> None:
    """OpenLineage's client shows all of it, a password included."""
    value = f'{{"type": "{KAFKA}", "bootstrap_servers": "b:1", "password": "{SECRET}",}}'
    [line] = lines(tmp_path, **{variable: value})
    assert f"the environment variable {variable} is not valid JSON (line 1, column " in line
    assert line.endswith(MISSING)


def test_a_password_with_brackets_is_a_text_and_not_shown(tmp_path: Path) -> None:
    """In a variable of its own it need not be JSON; the client warns about it and shows it."""
    names = {"TYPE": KAFKA, "BOOTSTRAP_SERVERS": "127.0.0.1:9", "AUTH": "scram", "USERNAME": "u"}
    variables = {f"OPENLINEAGE__TRANSPORT__{name}": value for name, value in names.items()}
    output = lines(
        tmp_path,
        scenario=f"{COMPLETE}\n{ALL_KEPT}",
        **variables,
        OPENLINEAGE__TRANSPORT__CLOSE_TIMEOUT="1",
        OPENLINEAGE__TRANSPORT__PASSWORD=f"{SECRET}{{[",
    )
    assert "0 sent, 4 waiting" in output[-1]


def test_file_and_environment_that_differ_are_warned_about(tmp_path: Path) -> None:
    """OpenLineage takes the file's value; the last line names where the events went."""
    log = tmp_path / "told.jsonl"
    (tmp_path / "openlineage.yml").write_text(f"transport: {{type: file, log_file_path: {log}, append: true}}")
    kafka = {"type": KAFKA, "bootstrap_servers": "b:1"}
    warning, last = lines(tmp_path, json.dumps(kafka))
    assert (
        f"{tmp_path / 'openlineage.yml'} and OPENLINEAGE__TRANSPORT set different values for the transport's type"
        in warning
    )
    assert last == f"headwater-dbt: OpenLineage events: 4 sent; destination: file {log}"


def test_a_variable_that_replaces_others_is_warned_about(tmp_path: Path) -> None:
    """OpenLineage's client takes the one of the shorter name alone; the warning has no value in it."""
    both = {"OPENLINEAGE__TAGS__RUN": '{"nightly": "no"}', "OPENLINEAGE__TAGS__RUN__TEAM": SECRET}
    [line] = [line for line in lines(tmp_path, json.dumps({"type": "console"}), **both) if "ignores" in line]
    assert "OpenLineage ignores OPENLINEAGE__TAGS__RUN__TEAM, since OPENLINEAGE__TAGS__RUN has all" in line, line

"""A project's name and connection, as dbt v2 finds them."""

from __future__ import annotations

from pathlib import Path

import pytest

from emitter.errors import ArtifactError
from emitter.runner.project_folder import ProjectFolder
from emitter.runner.shim import option

PROFILES = """
shop:
  target: "{{ env_var('DBT_TARGET', 'dev') }}"
  outputs:
    dev: {type: redshift, host: "{{ env_var('RS_HOST') }}", port: 5440, user: u, password: "{{ env_var('NEVER_SET') }}"}
    prod: {type: redshift, host: prod, password: planted-secret}
    jinja: {type: redshift, host: "{{ target.name }}"}
    keys: {type: athena, region_name: us-east-1, aws_access_key_id: planted-secret}
other: {target: dev, outputs: {dev: {type: postgres, host: elsewhere}}}
"""


def folder(path: Path, *arguments: str, **environ: str) -> ProjectFolder:
    """A project whose profiles are in the folder in which dbt is started."""
    (path / "dbt_project.yml").write_text("name: shop\nversion: 1.0\nprofile: shop\n")
    (path / "profiles.yml").write_text(PROFILES)
    return ProjectFolder(list(arguments), {"HOME": str(path / "home"), **environ}, path)


@pytest.mark.parametrize(
    ("arguments", "environ", "expected"),
    [
        ([], {"RS_HOST": "h"}, {"type": "redshift", "host": "h", "port": 5440}),
        (["--target", "prod"], {}, {"type": "redshift", "host": "prod"}),
        (["--target=prod"], {}, {"type": "redshift", "host": "prod"}),
        ([], {"DBT_TARGET": "prod"}, {"type": "redshift", "host": "prod"}),
        ([], {"DBT_ENGINE_TARGET": "prod", "DBT_TARGET": "dev"}, {"type": "redshift", "host": "prod"}),
        (["--profile", "other"], {}, {"type": "postgres", "host": "elsewhere"}),
        ([], {"DBT_PROFILE": "other", "DBT_TARGET": "dev"}, {"type": "postgres", "host": "elsewhere"}),
    ],
)
def test_the_connection(
    tmp_path: Path, arguments: list[str], environ: dict[str, str], expected: dict[str, object]
) -> None:
    """By options and variables; passwords are not read, so their variables need not be set."""
    reported = folder(tmp_path, *arguments, **environ).project_message()
    assert reported["profile"] == {**expected, "own_credentials": False}
    assert (reported["project_name"], reported["reason"]) == ("shop", None)


def test_a_key_is_only_known_to_be_there(tmp_path: Path) -> None:
    """So that nobody asks AWS with another identity."""
    reported = folder(tmp_path, "--target", "keys").project_message()
    assert reported["profile"] == {"type": "athena", "region_name": "us-east-1", "own_credentials": True}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "asks for the environment variable RS_HOST, which is not set"),
        (["--target", "jinja"], "host of the profile shop is Jinja that only dbt can render"),
        (["--target", "none"], "has no profile shop with the target that dbt takes"),
        (["--profile", "none"], "has no profile none with the target that dbt takes"),
        (["--profiles-dir", "nowhere"], "can't be read: No such file or directory"),
    ],
)
def test_a_connection_that_is_not_known(tmp_path: Path, arguments: list[str], reason: str) -> None:
    """The reason is told, and lineage goes on without it."""
    reported = folder(tmp_path, *arguments).project_message()
    assert reported["profile"] == {}
    assert reason in str(reported["reason"])


def test_profiles_of_the_home_folder(tmp_path: Path) -> None:
    """Where the working folder has none."""
    project = folder(tmp_path, RS_HOST="h")
    (tmp_path / "home" / ".dbt").mkdir(parents=True)
    (tmp_path / "profiles.yml").rename(tmp_path / "home" / ".dbt" / "profiles.yml")
    assert project.project_message()["profile"]["host"] == "h"


def test_a_project_that_is_none(tmp_path: Path) -> None:
    """Its name is a part of every name, so without it there is no lineage."""
    project = folder(tmp_path)
    (tmp_path / "dbt_project.yml").write_text("version: 1\n")
    with pytest.raises(ArtifactError, match="has no name"):
        project.project_message()


@pytest.mark.parametrize(
    ("arguments", "environ", "expected"),
    [
        (["--log-path", "a"], {"DBT_LOG_PATH": "b"}, "a"),
        (["--log-path=a", "--log-path", "c"], {}, "c"),
        (["--log-path"], {}, None),
        ([], {"DBT_ENGINE_LOG_PATH": "e", "DBT_LOG_PATH": "b"}, "e"),
        ([], {"DBT_LOG_PATH": ""}, None),
        (["--log-path-other", "a"], {}, None),
    ],
)
def test_options(arguments: list[str], environ: dict[str, str], expected: str | None) -> None:
    """A flag goes before the engine's variable, that before the older one."""
    assert option("log-path", arguments, environ) == expected

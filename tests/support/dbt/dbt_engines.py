"""What dbt runs on: PostgreSQL as Redshift, and Athena's API over S3 and Glue, with a little invented data."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.processes.server_process import STAND_INS, Server, free_port, missing

GLUE_NAMESPACE = "arn:aws:glue:us-east-1:123456789012"
ATHENA_NAMESPACE = "awsathena://athena.us-east-1.amazonaws.com"

# What a developer's shell may hold that would lead dbt, OpenLineage or boto3 elsewhere.
_FOREIGN = ("AWS_", "DBT_", "HEADWATER_", "OPENLINEAGE_", "REDSHIFT_")


class DbtEngines(Server):
    """Both engines, for the projects `imdb_athena` and `imdb_redshift` of the stand-ins.

    Attributes:
        env_athena: Environment variables that lead dbt-athena and boto3 here.
        env_redshift: The same for dbt-redshift.
    """

    def __init__(self) -> None:
        if subprocess.call(["bash", "-c", ". ./postgres.sh"], cwd=STAND_INS, stderr=subprocess.DEVNULL):
            missing("PostgreSQL is not installed", "install Debian's postgresql, or set PGB to its bin folder")
        self.redshift_port, self.athena_port = free_port(), free_port()
        ports = {
            "PG_PORT": str(free_port()),
            "REDSHIFT_PORT": str(self.redshift_port),
            "ATHENA_PORT": str(self.athena_port),
        }
        super().__init__("engines", "./down.sh", ports | {"PYTHON": sys.executable})
        self.log = self.state / "athena" / "server.log"
        self.env_athena = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.athena_port}",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        self.env_redshift = {"REDSHIFT_HOST": "127.0.0.1", "REDSHIFT_PORT": str(self.redshift_port)}
        self.call("up.sh")

    @property
    def redshift_namespace(self) -> str:
        """The OpenLineage namespace of its Redshift."""
        return f"redshift://127.0.0.1:{self.redshift_port}"

    @staticmethod
    def copy_project(name: str, parent: Path) -> Path:
        """A copy of `imdb_athena` or `imdb_redshift` for one test to write in."""
        return Path(shutil.copytree(STAND_INS / name, parent / name))

    def environment_of(self, project: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment for dbt in a project: nothing of the developer's own, and a home beside the project."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        home = project.parent / "home"
        home.mkdir(exist_ok=True)
        commands = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', os.defpath)}"
        own = {"PATH": commands, "HOME": str(home), "DBT_PROFILES_DIR": str(project), "DO_NOT_TRACK": "1"}
        return kept | own | self.env_athena | self.env_redshift | dict(extra or {})

    def run_dbt_ol(
        self, project: Path, *args: str, transport: Mapping[str, Any], **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Runs `dbt-ol ARGS` in a project with an OpenLineage transport; the exit code is the caller's to check."""
        extra = {"OPENLINEAGE__TRANSPORT": json.dumps(transport)} | environment
        return subprocess.run(
            ["dbt-ol", *args],
            cwd=project,
            env=(variables := self.environment_of(project, extra)),
            executable=shutil.which("dbt-ol", path=variables["PATH"]),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )

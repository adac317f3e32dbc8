"""Synthesizes the app; what cdk.json runs. `-c settings=FILE.toml` says what was chosen."""

from __future__ import annotations

import sys
from pathlib import Path

from aws_cdk import App
from pydantic import ValidationError

from deploy.aws.app import build
from deploy.aws.deployment_settings import load


def main() -> int:
    """Builds and synthesizes; 2 if the settings are wrong."""
    app = App()
    named = app.node.try_get_context("settings")
    try:
        settings = load(Path(named) if named else None)
    except (ValidationError, OSError, ValueError) as error:
        sys.stderr.write(f"settings: {error}\n")
        return 2
    build(settings, app).synth()
    return 0


if __name__ == "__main__":
    sys.exit(main())

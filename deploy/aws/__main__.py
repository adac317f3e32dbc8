"""Synthesizes the app, as cdk.json runs it; `-c settings=FILE.toml` names the settings."""

from __future__ import annotations

import sys
from pathlib import Path

from aws_cdk import App
from pydantic import ValidationError

from deploy.aws.app import build
from deploy.aws.deployment_settings import load


def main() -> int:
    """Builds and synthesizes the app; returns exit code 2 if the settings are invalid."""
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

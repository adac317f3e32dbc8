"""Names the packages of a resolution that are newer than those of uv.lock: `python -m tests.support.newer FILE`."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

LOCK = Path(__file__).parents[2] / "uv.lock"


def newer(resolved: str, locked: str) -> str:
    """Each package whose version differs, with both; "nothing" if there is none.

    Args:
        resolved: Requirements, `NAME==VERSION` a line.
        locked: The text of uv.lock.
    """
    known: dict[str, set[str]] = {}
    for package in tomllib.loads(locked)["package"]:
        known.setdefault(package["name"], set()).add(package.get("version", ""))
    pins = re.findall(r"^([a-z0-9-]+)==([^\s;]+)", resolved, re.MULTILINE)
    changed = (
        f"{name} {version} (for {' and '.join(sorted(known[name]))})" if name in known else f"{name} {version} (new)"
        for name, version in pins
        if version not in known.get(name, ())
    )
    return ", ".join(changed) or "nothing"


if __name__ == "__main__":
    sys.stdout.write(newer(Path(sys.argv[1]).read_text("utf-8"), LOCK.read_text("utf-8")) + "\n")

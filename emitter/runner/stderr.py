"""Messages of `headwater-dbt` itself on stderr; dbt and the lineage process write their own."""

import os
from contextlib import suppress


def print_line(text: str) -> None:
    """Writes one line to stderr; a closed or broken stderr must not change dbt's exit code."""
    with suppress(OSError):
        # Not `sys.stderr`: it is None if the stream is closed, and its failure changes the exit code.
        os.write(2, f"headwater-dbt: {text}\n".encode(errors="backslashreplace"))

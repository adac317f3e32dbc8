"""What `headwater-dbt` itself says; dbt and the lineage process speak for themselves."""

import os
from contextlib import suppress


def tell(text: str) -> None:
    """One line on stderr, where anybody hears it: a closed or broken stderr must not change how dbt ends."""
    with suppress(OSError):
        # Not `sys.stderr`, which is None where the stream is closed, and whose failure is told at exit by another code.
        os.write(2, f"headwater-dbt: {text}\n".encode(errors="backslashreplace"))

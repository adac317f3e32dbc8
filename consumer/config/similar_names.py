"""Names that were probably meant by an unknown one."""

from __future__ import annotations

import difflib
from collections.abc import Collection


def near(name: str, names: Collection[str]) -> str:
    """Returns a question in parentheses for the known name that was probably meant; empty if none is similar."""
    found = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if found:
        return f" (did you mean {found[0]}?)"
    # The right name in another group, or in none.
    last_parts = {known.rpartition(".")[2]: known for known in reversed([*names])}
    found = difflib.get_close_matches(name.rpartition(".")[2], last_parts, n=1, cutoff=0.75)
    return f" (did you mean {last_parts[found[0]]}?)" if found else ""

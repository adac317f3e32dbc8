"""Numbers with their nouns, as messages print them."""

from __future__ import annotations


def counted(number: int, one: str, many: str = "") -> str:
    """Returns a number with its noun: `1 dataset`, `2,000 datasets`.

    Args:
        number: The number.
        one: The noun, and what follows it, as after the number 1.
        many: The same as after any other number; `one` with an `s` if it is not given.
    """
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"

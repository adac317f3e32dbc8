"""Optimized bytecode, with which kafka-python does not work.

kafka-python 3.0 reads a part of each response within an `assert`. Python omits these statements with `-O` or
PYTHONOPTIMIZE, and then no response can be decoded.
"""

import sys

VARIABLE = "PYTHONOPTIMIZE"


def obstacle(level: int = sys.flags.optimize) -> str | None:
    """Returns the reason why this process can't use Kafka, with the next action; None if it can.

    Args:
        level: Python's level of optimization.
    """
    if not level:
        return None
    advice = f"unset {VARIABLE} and start Python without -O"
    return f"Python runs without its assert statements, which kafka-python 3.0 needs to read Kafka's answers: {advice}"

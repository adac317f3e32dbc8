"""Optimised bytecode, under which kafka-python can't speak to Kafka.

kafka-python 3.0 reads a part of each answer within an `assert`. Python leaves those statements out with `-O` or
PYTHONOPTIMIZE, and then no answer can be decoded.
"""

import sys

VARIABLE = "PYTHONOPTIMIZE"


def obstacle(level: int = sys.flags.optimize) -> str | None:
    """Returns why this process can't use Kafka, with what to do; None if it can.

    Args:
        level: Python's level of optimisation.
    """
    if not level:
        return None
    advice = f"unset {VARIABLE} and start Python without -O"
    return f"Python runs without its assert statements, which kafka-python 3.0 needs to read Kafka's answers: {advice}"

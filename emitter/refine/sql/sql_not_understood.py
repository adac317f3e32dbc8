"""What can go wrong in refinement. None of it leaves the refiner: it costs what it concerns and is counted."""

from emitter.errors import EmitterError


class SqlNotUnderstood(EmitterError):
    """A SQL text can't be read, so its own column lineage is missing; the message names its table and the place."""

"""The error of refinement. It never leaves the refiner: the affected lineage is missing, and counted."""

from emitter.errors import EmitterError


class SqlNotUnderstood(EmitterError):
    """A SQL text can't be read, so its own column lineage is missing; the message names its table and the place."""

"""The spool that all tests of the emitter need."""

from tests.support.processes.private_spool import spool_dir

__all__ = ["spool_dir"]

"""The delivery summary: the outcome of a run's events, as the last line reports it."""

from dataclasses import dataclass

from emitter.dbt.node_names import missing

_SHOWN_REASONS = 3


@dataclass(frozen=True, slots=True)
class DeliverySummary:
    """The counts of records that were sent, wait, were quarantined and are lost, with the reasons.

    Attributes:
        earlier: How many records of other runs were sent as well.
        lost_nodes: The names of the nodes that the lost records were about.
    """

    sent: int
    waiting: int
    quarantined: int
    lost: int = 0
    earlier: int = 0
    reasons: tuple[str, ...] = ()
    lost_nodes: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """True if every record was sent."""
        return not (self.waiting or self.quarantined or self.lost)

    def __str__(self) -> str:
        counts = f"{self.sent} sent, {self.waiting} waiting, {self.quarantined} quarantined"
        lost = f", {self.lost} lost" if self.lost else ""
        earlier = f" (and {self.earlier} of earlier runs sent)" if self.earlier else ""
        why = "; ".join(filter(None, (self._reasons(), missing(self.lost_nodes))))
        return counts + lost + earlier + (f": {why}" if why else "")

    def _reasons(self) -> str:
        more = len(self.reasons) - _SHOWN_REASONS
        return "; ".join((*self.reasons[:_SHOWN_REASONS], *((f"and {more} more",) if more > 0 else ())))

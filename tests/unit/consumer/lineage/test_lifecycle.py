"""Where lineage is shown of datasets that were dropped or renamed."""

from __future__ import annotations

import pytest

from consumer.lineage.lifecycle import Placement, place
from schemas.naming import DatasetName

OLD, NEW = DatasetName("s3://lake", "p"), DatasetName("s3://lake", "q")


@pytest.mark.parametrize("unused", [True, False])
@pytest.mark.parametrize(
    ("time", "shown"),
    [
        ("1", None),  # said before the drop
        ("2", None),  # said with the drop
        ("3", NEW),  # said after the drop, before the renaming
    ],
)
def test_what_was_said_before_a_drop_does_not_move_with_a_later_renaming(
    time: str, shown: DatasetName | None, *, unused: bool
) -> None:
    """The renaming moves what was said since the drop, whether anything else is known of the old name or not."""
    placements = {OLD: Placement(OLD, "2", "4", NEW, unused), NEW: Placement(NEW)}
    assert place(OLD, time, placements) == shown


def test_a_dataset_of_which_only_its_end_is_known_is_not_shown() -> None:
    """Whatever the time."""
    assert place(OLD, "3", {OLD: Placement(OLD, "2", unused=True)}) is None

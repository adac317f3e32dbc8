"""Variants of a test that differ little: one of them in each change, all of them once a day."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

VariantT = TypeVar("VariantT")

EVERY = os.environ.get("EVERY") == "yes"
"""True where all variants run; `.ci/slow` sets it."""


def one_of(variants: Sequence[VariantT]) -> Sequence[VariantT]:
    """Returns the first variant, or all of them once a day."""
    return variants if EVERY else variants[:1]

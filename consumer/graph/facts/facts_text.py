"""The `facts` property of a vertex: the structure of its facts, compressed if long, or where several runs share it.

In any case it is JSON that states its format, so that a process of an earlier build refuses it by that number.
"""

from __future__ import annotations

from typing import Final

from consumer.graph.facts.packed_text import pack, unpack
from consumer.graph.format_version import FORMAT

_COMPRESSED: Final = f'{{"v":{FORMAT},"z":"'
_SHARED: Final = f'{{"v":{FORMAT},"r":"'
_END: Final = '"}'


def of_structure(structure: str) -> str:
    """Returns the property that holds a structure itself."""
    packed = pack(structure)
    return structure if packed == structure else f"{_COMPRESSED}{packed}{_END}"


def of_shared(ref: str) -> str:
    """Returns the property that refers to a structure that several runs share."""
    return f"{_SHARED}{ref}{_END}"


def shared_ref(text: str) -> str:
    """Returns the reference to a structure that several runs share; empty for a property with the structure itself."""
    return text[len(_SHARED) : -len(_END)] if text.startswith(_SHARED) else ""


def structure(text: str) -> str:
    """Returns the structure that a property holds itself."""
    return unpack(text[len(_COMPRESSED) : -len(_END)]) if text.startswith(_COMPRESSED) else text

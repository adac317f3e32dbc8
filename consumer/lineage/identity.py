"""Identity of datasets: which names are one dataset.

Three things say so: a canonical spelling (`schemas.naming`), symlinks in events, and configuration. The last two are
links between names; all names that are linked, directly or through others, are one dataset. Which of them is shown is a
rule over the names alone, never the order of their arrival.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from schemas.naming import DatasetName, build, canonical, engine, is_rules_form, last_part, parts

HUB = ""
"""Namespace of the names that `identity.by_table_name` links tables through; never shown.

It is empty because no dataset of an event can have an empty namespace: decoding rejects it.
"""

ATHENA_CATALOG = "awsdatacatalog"


MOST_LINKED = 2_000
"""Names that symlinks may ever link one name with, as many as one event may state; of one with more, none counts."""


class BadPrefix(ValueError):
    """A prefix of `identity.same` can't be read; the message says which and what one looks like."""


@dataclass(frozen=True, slots=True)
class Prefix:
    """The beginning of names: a namespace, and leading parts of the name."""

    namespace: str
    leading: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Prefix:
        """Reads `{namespace}` or `{namespace}/{leading parts joined by dots}`.

        Raises:
            BadPrefix: There is no namespace in it.
        """
        scheme, separator, rest = text.partition("://")
        head, _, leading = (rest if separator else text).partition("/")
        namespace = f"{scheme}{separator}{head}" if separator else head
        if not head or not namespace.strip():
            example = "redshift://wg.123456789012.us-east-1.redshift-serverless.amazonaws.com:5439/dev.imdb"
            raise BadPrefix(f"{text!r} has no namespace; a prefix looks like {example}")
        spelled = canonical(namespace, "").namespace
        if engine(spelled) is not None:
            leading = leading.lower()
        return cls(spelled, tuple(part for part in leading.split(".") if part))

    def dump(self) -> list[object]:
        """Returns the prefix as a value of JSON; `load` is the way back."""
        return [self.namespace, self.leading]

    @classmethod
    def load(cls, value: Sequence[Any]) -> Prefix:
        """Prefix from its value of JSON."""
        namespace, leading = value
        return cls(namespace, tuple(leading))

    def remainder(self, name: DatasetName) -> tuple[str, ...] | None:
        """Returns the parts of a name that follow this prefix, or None where it does not begin so."""
        if name.namespace != self.namespace:
            return None
        for known in _readings(name):
            if len(known) > len(self.leading) and known[: len(self.leading)] == self.leading:
                return known[len(self.leading) :]
        return None

    def name(self, remainder: Sequence[str]) -> DatasetName | None:
        """Returns the name that has this prefix and then a remainder; None where its engine has no such name."""
        known = (*self.leading, *remainder)
        if engine(self.namespace) is None:
            return DatasetName(self.namespace, ".".join(known))
        built = build(self.namespace, known)
        if built is None and len(known) > 1 and known[0] == ATHENA_CATALOG:
            built = build(self.namespace, known[1:])
        return built


def _readings(name: DatasetName) -> Iterable[tuple[str, ...]]:
    """Yields a name's parts, and, since Glue has but one catalog, Athena's without it."""
    known = parts(name)
    if known is None:
        yield tuple(name.name.split("."))
        return
    yield known
    if engine(name.namespace) == "athena" and known[0] == ATHENA_CATALOG:
        yield known[1:]


@dataclass(frozen=True, slots=True)
class IdentityRules:
    """The links that configuration makes.

    Attributes:
        same: Groups of prefixes; equal remainders below them are one dataset, shown under the first.
        by_table_name: Join Redshift datasets that are read and Athena tables of equal last part.
        most_linked: Names that symlinks may ever link one name with; no setting.
    """

    same: tuple[tuple[Prefix, ...], ...] = ()
    by_table_name: bool = False
    most_linked: int = MOST_LINKED

    @classmethod
    def of(cls, same: Iterable[Sequence[str]] = (), *, by_table_name: bool = False) -> IdentityRules:
        """Returns the rules of the settings `identity.same` and `identity.by_table_name`.

        Raises:
            BadPrefix: A prefix can't be read.
        """
        return cls(tuple(tuple(map(Prefix.parse, group)) for group in same), by_table_name)

    def links(self, name: DatasetName, *, read: bool) -> list[DatasetName]:
        """Returns the names that configuration links a name with.

        Args:
            name: A canonical name.
            read: Whether it is named as an input.
        """
        found: list[DatasetName] = []
        for first, *others in self.same:
            for prefix in others:
                remainder = prefix.remainder(name)
                shown = first.name(remainder) if remainder is not None else None
                if shown is not None and shown != name:
                    found.append(canonical(*shown))
        if self.by_table_name and self._has_table_name(name, read=read):
            found.append(DatasetName(HUB, last_part(name)))
        return found

    def all_links(self, name: DatasetName, *, read: bool) -> list[tuple[DatasetName, DatasetName]]:
        """Returns the links that a name has by configuration, and those that the names so found have in turn.

        Args:
            name: A canonical name that events give.
            read: Whether it is named as an input.
        """
        found: dict[tuple[DatasetName, DatasetName], None] = {}
        seen: set[DatasetName] = set()
        waiting = [name]
        while waiting:
            one = waiting.pop()
            if one in seen or one.namespace == HUB:
                continue
            seen.add(one)
            others = self.links(one, read=read)
            found.update(dict.fromkeys((one, other) for other in others))
            waiting += others
        return list(found)

    def dump(self) -> str:
        """Returns the rules as JSON; `load` is the way back."""
        same = [list(map(Prefix.dump, group)) for group in self.same]
        return orjson.dumps({"same": same, "by_table_name": self.by_table_name}, option=orjson.OPT_SORT_KEYS).decode()

    @classmethod
    def load(cls, text: str) -> IdentityRules:
        """Rules from their JSON."""
        raw = orjson.loads(text)
        return cls(tuple(tuple(map(Prefix.load, group)) for group in raw["same"]), raw["by_table_name"])

    @property
    def digest(self) -> str:
        """A text that differs where rules do; empty where there are none."""
        return "" if self == NO_RULES else hashlib.blake2b(self.dump().encode(), digest_size=8).hexdigest()

    def prefers(self, name: DatasetName) -> bool:
        """True if configuration prefers a name for display."""
        return any(first.remainder(name) is not None for first, *_ in self.same)

    def shown(self, names: Collection[DatasetName]) -> DatasetName:
        """Returns the display name of a dataset, which follows from its names and these rules alone."""
        return min(names, key=lambda name: rank(name, preferred=self.prefers(name)))

    @staticmethod
    def _has_table_name(name: DatasetName, *, read: bool) -> bool:
        kind = engine(name.namespace)
        return parts(name) is not None and (kind in {"athena", "glue"} or (kind == "redshift" and read))


NO_RULES = IdentityRules()
"""Configuration that says nothing of names."""


def rank(name: DatasetName, *, preferred: bool) -> tuple[int, DatasetName]:
    """Returns the rank of a dataset's name; the name with the least rank is shown.

    First what configuration prefers, then a Glue ARN, then the form of OpenLineage's naming rules, then the least.
    """
    if name.namespace == HUB:
        kind = 4
    elif preferred:
        kind = 0
    elif engine(name.namespace) == "glue":
        kind = 1
    elif is_rules_form(name):
        kind = 2
    else:
        kind = 3
    return kind, name

"""Rules, channels and mutes as people declare them in a TOML file.

`alerts.file` names the file. Its `[[rules]]` replace the ones that Headwater ships (`rules.toml` beside this module);
a file without any keeps those.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from consumer.alerts.alert import Severity
from consumer.config.faults import described, location, shown
from consumer.config.toml_file import parse_toml, read_toml
from consumer.errors import UsageError
from schemas.naming import DatasetName, last_part

RuleKind = Literal[
    "lost_source",
    "tagged_reader",
    "column_changed",
    "stopped",
    "run_failed",
    "quality_failed",
    "two_writers",
    "cycle",
    "renamed",
    "unowned_source",
]
"""The kinds of rules, in the order of their worth."""

SEVERITIES: Final[Mapping[RuleKind, Severity]] = MappingProxyType(
    {
        "lost_source": Severity.BREAKING,
        "tagged_reader": Severity.WARNING,
        "stopped": Severity.WARNING,
        "run_failed": Severity.BREAKING,
        "quality_failed": Severity.WARNING,
        "two_writers": Severity.WARNING,
        "cycle": Severity.WARNING,
        "renamed": Severity.INFO,
        "unowned_source": Severity.INFO,
    }
)
"""The severity where a rule has none; `column_changed` is left out, since there it depends on the change."""

Name = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$",
        json_schema_extra={"allowed": "a name of up to 63 lower-case letters, digits, _ and -"},
    ),
]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rule(_Entry):
    """A rule: its kind, which datasets it judges, and how much its alerts matter.

    Attributes:
        name: Its name, in alerts and in the filters of channels.
        kind: The question that it answers.
        severity: How much its alerts matter; the kind's own if it is not set.
        datasets: Patterns of `namespace/name` or of the last part of the name; `*` stands for anything.
        except_datasets: Patterns of datasets that the rule does not judge.
        tags: Of `tagged_reader`: the tags that count, such as `pii` or `tier=1`.
        indirect: Of `tagged_reader`: True if filters, joins and the like count too.
        intervals: Of `stopped`: number of usual intervals without a completed run.
        least_s: Of `stopped`: the shortest silence that counts, in seconds.
    """

    name: Name
    kind: RuleKind
    severity: Severity | None = None
    datasets: tuple[str, ...] = ("*",)
    except_datasets: tuple[str, ...] = ()
    tags: tuple[str, ...] = ("pii",)
    indirect: bool = True
    intervals: Annotated[float, Field(gt=1, allow_inf_nan=False)] = 2.0
    least_s: Seconds = 3600.0

    def judges(self, dataset: DatasetName) -> bool:
        """True if the rule is about a dataset."""
        return matches(self.datasets, dataset) and not matches(self.except_datasets, dataset)


class Mute(_Entry):
    """Alerts that are recorded and not delivered.

    Attributes:
        rules: Names of rules; all if none is named.
        datasets: Patterns of datasets.
        channels: Names of channels; all if none is named.
        begin: The first moment; from ever on if it is not set. In the file: `from`.
        end: The first moment after it; for ever if it is not set. In the file: `until`.
        reason: For people.
    """

    rules: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ("*",)
    channels: tuple[str, ...] = ()
    begin: datetime | None = Field(None, alias="from")
    end: datetime | None = Field(None, alias="until")
    reason: str = ""

    @field_validator("begin", "end", mode="before")
    @classmethod
    def _not_a_number(cls, moment: object) -> object:
        if isinstance(moment, int | float):
            words = "is not a time; set a time with its offset, such as 2026-12-24T00:00:00Z"
            raise ValueError(f"{shown(moment)} {words}")  # noqa: TRY004 -- pydantic reports a ValueError with its place
        return moment

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.begin is not None and self.end is not None and self.end <= self.begin:
            raise ValueError("until is not later than from, so that it mutes nothing; set a later until")
        return self

    @field_validator("begin", "end")
    @classmethod
    def _with_offset(cls, moment: datetime | None) -> datetime | None:
        if moment is not None and moment.tzinfo is None:
            raise ValueError("a time needs its offset, such as 2026-12-24T00:00:00Z")
        return moment

    def covers(self, rule: str, dataset: DatasetName, channel: str, moment_s: float) -> bool:
        """True if an alert is not delivered.

        Args:
            rule: Name of the alert's rule.
            dataset: Its subject.
            channel: Name of the channel.
            moment_s: When the alert was recorded, in seconds since 1970.
        """
        during = (self.begin is None or self.begin.timestamp() <= moment_s) and (
            self.end is None or moment_s < self.end.timestamp()
        )
        named = (not self.rules or rule in self.rules) and (not self.channels or channel in self.channels)
        return during and named and matches(self.datasets, dataset)


class Channel(_Entry):
    """Receiver of alerts.

    Attributes:
        name: Its name, by which its progress is kept: a new name begins with the alerts that follow.
        type: What receives the alerts.
        topic: Of `kafka`: the topic. Of `sns`: the topic's ARN.
        url: Of `webhook` and `slack`: where to post; `env:NAME` and `file:PATH` read it from there.
        secret: Of `webhook`: the key of its signatures, as `env:NAME` or `file:PATH`.
        bus: Of `eventbridge`: name or ARN of the bus.
        region: Of `sns` and `eventbridge`: the AWS Region; the environment's if it is not set.
        rules: Names of the rules whose alerts it gets; all if none is named.
        severity: The least severity.
        datasets: Patterns of datasets.
        digest_s: Length of the windows whose alerts are delivered as one event; 0 delivers each at once.
    """

    name: Name
    type: Literal["kafka", "webhook", "slack", "sns", "eventbridge"]
    topic: str = ""
    url: str = ""
    secret: str = ""
    bus: str = ""
    region: str | None = None
    rules: tuple[str, ...] = ()
    severity: Severity = Severity.INFO
    datasets: tuple[str, ...] = ("*",)
    digest_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0

    @model_validator(mode="after")
    def _has_its_target(self) -> Self:
        needed = {"kafka": "topic", "sns": "topic", "webhook": "url", "slack": "url", "eventbridge": "bus"}[self.type]
        if not getattr(self, needed):
            raise ValueError(f"a channel of type {self.type} needs {needed}")
        if self.secret and not self.secret.startswith(("env:", "file:")):
            raise ValueError("secret must be env:NAME or file:PATH, so that this file holds no secret")
        if self.type == "slack" and not self.url.startswith(("env:", "file:")):
            raise ValueError("the URL of a Slack webhook is a secret: write env:NAME or file:PATH")
        return self

    def wants(self, rule: str, severity: Severity, dataset: DatasetName) -> bool:
        """True if the channel gets an alert."""
        named = not self.rules or rule in self.rules
        return named and severity.rank >= self.severity.rank and matches(self.datasets, dataset)


class Declarations(_Entry):
    """The whole file.

    Attributes:
        rules: At least one.
        channels: Where alerts go.
        mutes: Alerts that are not delivered.
    """

    rules: tuple[Rule, ...] = ()
    channels: tuple[Channel, ...] = ()
    mutes: tuple[Mute, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for what, names in (
            ("rules", [rule.name for rule in self.rules]),
            ("channels", [channel.name for channel in self.channels]),
        ):
            if len(set(names)) < len(names):
                raise ValueError(f"two {what} have one name; give each its own")
        known = {rule.name for rule in self.rules}
        named = {name for channel in self.channels for name in channel.rules}
        named |= {name for mute in self.mutes for name in mute.rules}
        if known and not named <= known:
            unknown = ", ".join(sorted(named - known))
            raise ValueError(f"no rule is called {unknown}; correct the name or declare the rule")
        return self


def matches(patterns: Sequence[str], dataset: DatasetName) -> bool:
    """True if a pattern fits a dataset's `namespace/name`, or the last part of its name."""
    spellings = (f"{dataset.namespace}/{dataset.name}", last_part(dataset))
    return any(fnmatchcase(spelling, pattern) for pattern in patterns for spelling in spellings)


def shipped_rules() -> tuple[Rule, ...]:
    """Returns the rules that hold where a file declares none."""
    text = files("consumer.alerts").joinpath("rules.toml").read_text(encoding="utf-8")
    return Declarations.model_validate(parse_toml("rules.toml", text)).rules


def read_declarations(file: Path | None) -> Declarations:
    """Reads a file of declarations, completed by the shipped rules.

    Args:
        file: The file, or `env:NAME` for a variable with its text; None for the shipped rules and no channel.

    Raises:
        UsageError: It can't be read, or a declaration is not valid.
    """
    if file is None:
        return Declarations(rules=shipped_rules())
    document = _document(file)
    if "rules" not in document:
        document["rules"] = [rule.model_dump() for rule in shipped_rules()]
    try:
        return Declarations.model_validate(document)
    except ValidationError as error:
        raise UsageError(f"the alerts file {file} is not valid:{_faults(error)}") from None


def _document(file: Path) -> dict[str, Any]:
    reference, what = str(file), "the alerts file"
    if reference.startswith("env:"):
        return parse_toml(f"{what} {file}", resolved(reference, "alerts.file"))
    return read_toml(what, file, "name a file that this user may read with alerts.file")


def _faults(error: ValidationError) -> str:
    """Returns a line for each fault with its place and reason; never its value, which may be a secret."""
    found = error.errors(include_url=False, include_input=False)
    lines = [f"{location(fault['loc'])}: {described(fault, Declarations)}".lstrip(": ") for fault in found]
    return "".join(f"\n  {line}" for line in lines) if len(lines) > 1 else f" {lines[0]}"


def resolved(reference: str, reader: str = "a channel of alerts") -> str:
    """Reads the value of `env:NAME` or `file:PATH`; other text stands for itself.

    Args:
        reference: The value as it was written.
        reader: What reads the variable or file, for errors.

    Raises:
        UsageError: There is no such variable or file.
    """
    kind, _, place = reference.partition(":")
    if kind == "env":
        value = os.environ.get(place)
        if not value:
            raise UsageError(f"environment variable {place}, which {reader} reads, is not set; set it")
        return value.strip()
    if kind == "file":
        try:
            return Path(place).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            # The text of the error repeats the path, or quotes a byte of the secret.
            reason = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror
            raise UsageError(
                f"the file {place}, which {reader} reads, can't be read: {reason}; name one that this user may read"
            ) from None
    return reference

"""The changes that OpenLineage's client makes to events, learned from events that it has sent, and made without it.

The client adds facets to runs and jobs as it is configured, and its own version as a tag. They are the same for all
events of a run of dbt, but the client makes a hundred objects of each event to add them.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from emitter.runner.client.client_events import Event, client_event
from emitter.runner.client.event_text import Additions, EventText
from emitter.serialization import event_dict, event_json

_Kind = tuple[frozenset[str], ...]
_TAGS = "tags"


class ClientAdditions:
    """Makes the JSON that the client would make, for events like those that it has sent.

    The first event of a kind, the second, the fourth and so on are sent by the client, and compared. If the texts
    differ once, the client sends all events of that kind.
    """

    def __init__(self) -> None:
        self._text = EventText()
        self._known: dict[_Kind, Additions | None] = {}
        self._events: Counter[_Kind] = Counter()

    def text(self, event: Event) -> bytes | None:
        """Returns an event as JSON; None if the client has to send it, after which `learn` is called."""
        if "run" not in event or (kind := _kind(event)) not in self._known:
            return None
        known = self._known[kind]
        if known is None or _clash(event["run"], known.run_tags) or _clash(event["job"], known.job_tags):
            return None
        self._events[kind] += 1
        if not self._events[kind] & (self._events[kind] - 1):
            return None
        return self._text.of(event, known)

    def learn(self, event: Event, sent: Any) -> None:
        """Compares an event with the object that the client has given to the transport."""
        if "run" not in event:
            return
        kind, body = _kind(event), event_dict(sent)
        if kind in self._known and self._known[kind] is None:
            return
        plain = event_dict(client_event(event))
        found = _difference(plain, body)
        is_same = self._text.of(event, found) == event_json(body)
        is_known = _clash(event["run"], found.run_tags) or self._known.setdefault(kind, found) == found
        if not (is_same and is_known):
            self._known[kind] = None


def _kind(event: Event) -> _Kind:
    datasets = (*event["inputs"], *event["outputs"])
    owners = (event["run"], event["job"], *datasets[-1:])
    return tuple(frozenset(owner.get("facets") or ()) for owner in owners)


def _difference(plain: Mapping[str, Any], sent: Mapping[str, Any]) -> Additions:
    """Returns the changes from one event to the other, of run and job alone."""
    run, run_tags = _added(plain["run"].get("facets") or {}, sent["run"].get("facets") or {})
    job, job_tags = _added(plain["job"].get("facets") or {}, sent["job"].get("facets") or {})
    return Additions(str(sent.get("schemaURL")), run, job, run_tags, job_tags)


def _added(plain: Mapping[str, Any], sent: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[Mapping[str, Any], ...]]:
    changed = {name: facet for name, facet in sent.items() if plain.get(name) != facet}
    if _TAGS not in changed or _TAGS not in plain:
        return changed, ()
    before, after = plain[_TAGS].get(_TAGS) or [], changed.pop(_TAGS).get(_TAGS) or []
    return changed, tuple(after[len(before) :])


def _clash(owner: Mapping[str, Any], tags: tuple[Mapping[str, Any], ...]) -> bool:
    """True if an event has one of the client's tags itself; one of them replaces the other."""
    if not tags:
        return False
    own = {str(tag["key"]).lower() for tag in owner["facets"][_TAGS][_TAGS]}
    return any(str(tag["key"]).lower() in own for tag in tags)

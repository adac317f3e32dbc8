"""Slack: one message for each alert by an incoming webhook.

Slack keeps no ids of messages, so a message whose acknowledgement was lost appears twice; its last line has the alert's
id. Limits by Slack's reference: 50 blocks a message, 3,000 characters a text, one message a second and webhook; a
429 answer with Retry-After enforces the last one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import orjson

from consumer.alerts.channels.http_post import Post
from consumer.alerts.cloud_event import DIGEST, JSON, CloudEvent
from consumer.time_parsing import format_time
from schemas.counted import counted

MOST_OF_A_TEXT: Final = 3_000
MOST_LISTED: Final = 20
"""Alerts of a digest that a message lists."""

_SIGNS: Final[Mapping[str, str]] = {"breaking": ":red_circle:", "warning": ":large_orange_circle:"}


class Slack:
    """Posts each event as a message.

    Args:
        post: Sends a request.
    """

    most = 1

    def __init__(self, post: Post) -> None:
        self._post = post

    def send(self, events: Sequence[CloudEvent]) -> None:
        """Posts events one by one."""
        for event in events:
            self._post(orjson.dumps(message(event)), {"Content-Type": JSON})

    def close(self) -> None:
        """Closes connections."""
        self._post.close()


def message(event: CloudEvent) -> dict[str, Any]:
    """Writes the message of an event: `text` for notifications, `blocks` for the channel."""
    heading = f"{_SIGNS.get(event.severity, ':large_blue_circle:')} *{_plain(str(event.data['summary']))}*"
    lines = _digest(event.data) if event.kind == DIGEST else _alert(event.data)
    blocks = [_section(heading), *([_section("\n".join(lines))] if lines else [])]
    blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": f"{event.rule} | {event.id}"}]})
    return {"text": _plain(str(event.data["summary"]))[:MOST_OF_A_TEXT], "blocks": blocks}


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text[:MOST_OF_A_TEXT]}}


def _plain(text: str) -> str:
    """Text in which Slack sees no markup: the three characters that its reference asks to escape."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _alert(data: Mapping[str, Any]) -> list[str]:
    job, impact = data["job"], data["impact"]
    lines = [f"since {format_time(data['since'])}" + (f" by {_plain(job['name'])}" if job else "")]
    lines += _impact(impact)
    lines += [f"also: {_plain(one['summary'])}" for one in data["symptoms"][:MOST_LISTED]]
    if data["links"]:
        lines.append(" | ".join(f"<{url}|{name}>" for name, url in data["links"].items()))
    return lines


def _impact(impact: Mapping[str, Any]) -> Iterable[str]:
    if not impact["datasets"]:
        return ["nothing is known to read it"]
    nearest = ", ".join(
        _plain(f"{near['node_name']} ({', '.join(near['owners']) or 'no owner'})") for near in impact["nearest"]
    )
    lines = [f"affects {counted(impact['datasets'], 'dataset')}, nearest: {nearest}"]
    if impact["exposures"]:
        lines.append("exposures: " + ", ".join(_plain(use["name"]) for use in impact["exposures"]))
    return lines


def _digest(data: Mapping[str, Any]) -> list[str]:
    lines = [f"- {_plain(alert['summary'])}" for alert in data["alerts"][:MOST_LISTED]]
    more = len(data["alerts"]) - MOST_LISTED + data["more_alerts"]
    return [*lines, *([f"and {more} more"] if more > 0 else [])]

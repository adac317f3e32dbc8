"""A client that inspects a cluster and its groups."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from kafka import KafkaAdminClient
from kafka.protocol.admin import DescribeGroupsRequest
from kafka.protocol.broker_version_data import BROKER_API_VERSIONS

LATEST_WITH_PERMISSIONS: Final = 5
"""The last version of `DescribeGroups` in which a missing group has permissions, and is no error (KIP-1043)."""


class ClusterAdmin(KafkaAdminClient):  # type: ignore[misc] # the library has no types
    """kafka-python's client, which reports the permissions on a group that does not exist yet."""

    def broker_version(self) -> str:
        """Returns the version that the broker's requests show; for one newer than this client, the least it can be."""
        version = self._manager.broker_version
        newer = " or newer" if version == max(BROKER_API_VERSIONS) else ""
        return ".".join(map(str, version)) + newer

    # Overridden: the library asks for the newest version, whose answer for a missing group is an error.
    def _describe_groups_request(self, group_ids: Iterable[str]) -> Any:
        return DescribeGroupsRequest(
            groups=list(group_ids), include_authorized_operations=True, max_version=LATEST_WITH_PERMISSIONS
        )

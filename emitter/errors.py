"""Errors between dbt and Kafka. None of them ever leaves the transport.

EmitterError
├── ArtifactError         a manifest, run_results, catalog or profile can't be used
├── ConfigError           a setting is wrong or missing
├── SpoolError            an event can't be kept on disk
└── DeliveryError         an event is not in the topic
    ├── UnavailableError  transient: the event is kept and retried
    ├── RefusedError      not with these settings: this process does not retry
    └── RejectedError     never as it is: the event is quarantined with the reason
        └── TooLargeError the event may fit with fewer facets
"""


class EmitterError(Exception):
    """The root of the emitter's errors."""


class ArtifactError(EmitterError):
    """An artifact of dbt or a connection profile can't be used; the message has the reason and the next action."""


class ConfigError(EmitterError):
    """A transport setting is wrong or missing; the message names the setting and the correction."""


class SpoolError(EmitterError):
    """The spool can't take an event: its disk is full or can't be written, or `spool_max_bytes` is reached."""


class DeliveryError(EmitterError):
    """An event is not in the topic."""


class UnavailableError(DeliveryError):
    """Kafka can't be reached or can't take events at the moment; a retry may succeed."""


class RefusedError(DeliveryError):
    """Kafka or an installed library refuses these settings; a retry without a change can't succeed."""


class RejectedError(DeliveryError):
    """This event can never be accepted as it is: it is too large, or Kafka reports it as invalid."""


class TooLargeError(RejectedError):
    """The compressed event is larger than Kafka accepts, or the uncompressed one is larger than the consumer reads.

    Kafka's limits are `max_request_size` and the topic's max.message.bytes.
    """


class ClockError(RejectedError):
    """Kafka refuses the event's time, which is too far from the broker's; without a time the event is accepted."""

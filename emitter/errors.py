"""What can go wrong between dbt and Kafka. None of it ever leaves the transport.

EmitterError
├── ArtifactError         a manifest, run_results, catalog or profile can't be used
├── ConfigError           a setting is wrong or missing
├── SpoolError            an event can't be kept on disk
└── DeliveryError         an event is not in the topic
    ├── UnavailableError  not now: it is kept and tried again
    ├── RefusedError      not with these settings: nothing more is tried in this process
    └── RejectedError     this event never: it is set aside with the reason
        └── TooLargeError it may fit once it is reduced
"""


class EmitterError(Exception):
    """The root of the emitter's errors."""


class ArtifactError(EmitterError):
    """What dbt left, or a connection profile, can't be used; the message says why and what to give instead."""


class ConfigError(EmitterError):
    """A transport setting is wrong or missing; the message names it and says what to write instead."""


class SpoolError(EmitterError):
    """The spool can't take an event: its disk is full or can't be written, or `spool_max_bytes` is reached."""


class DeliveryError(EmitterError):
    """An event is not in the topic."""


class UnavailableError(DeliveryError):
    """Kafka can't be reached or can't take events at the moment; trying again may help."""


class RefusedError(DeliveryError):
    """Kafka, or what is installed here, says no to these settings; trying again without a change can't help."""


class RejectedError(DeliveryError):
    """This one event can never be taken as it is: it is too large, or Kafka calls it invalid."""


class TooLargeError(RejectedError):
    """The event is larger than Kafka takes, even compressed, or than the consumer reads, which is before compression.

    Kafka's limits are `max_request_size` and the topic's max.message.bytes.
    """

"""What can go wrong between dbt and Kafka. None of it ever leaves the transport.

EmitterError
├── ConfigError           a setting is wrong or missing
└── DeliveryError         an event is not in the topic
    ├── UnavailableError  not now: it is kept and tried again
    ├── RefusedError      not with these settings: nothing more is tried in this process
    └── RejectedError     this event never: it is counted and left out
"""


class EmitterError(Exception):
    """The root of the emitter's errors."""


class ConfigError(EmitterError):
    """A transport setting is wrong or missing; the message names it and says what to write instead."""


class DeliveryError(EmitterError):
    """An event is not in the topic."""


class UnavailableError(DeliveryError):
    """Kafka can't be reached or can't take events at the moment; trying again may help."""


class RefusedError(DeliveryError):
    """Kafka, or what is installed here, says no to these settings; trying again without a change can't help."""


class RejectedError(DeliveryError):
    """This one event can never be taken: it is too large, or Kafka calls it invalid."""

"""Everything that this service raises on purpose.

FeatureServerError
├── SamplerError         the machine's counters can't be read
├── WindowUnknown        no such window, or no longer
├── ModelError           the model gave no answer
│   └── WorkerDied       because its process ended
├── ModelTimeout         the model gave no answer in time
├── ReplicaConflict      the replica count isn't what the caller believes
└── InjectedError        the `errors` fault is on
"""


class FeatureServerError(Exception):
    """Base of all errors of this service."""


class SamplerError(FeatureServerError):
    """The machine's counters can't be read."""


class WindowUnknown(FeatureServerError):  # noqa: N818 - a state of the data, said as one
    """The window isn't there yet, or has left the buffer."""


class ModelError(FeatureServerError):
    """The model failed."""


class WorkerDied(ModelError):  # noqa: N818
    """The worker process ended before it answered."""


class ModelTimeout(FeatureServerError):  # noqa: N818
    """The model didn't answer before the deadline."""


class ReplicaConflict(FeatureServerError):  # noqa: N818
    """The replica count is neither the expected one nor already the wanted one."""


class InjectedError(FeatureServerError):
    """A request failed because the `errors` fault says so."""

"""What is refused: by the API server, or before it is asked."""

import re

from featurewatch_receiver.backends.rest import short
from featurewatch_receiver.errors import TargetChangedError, TargetRefusedError

#: A DNS subdomain of RFC 1123: what Kubernetes takes as names of most objects.
SUBDOMAIN = r"(?=.{1,253}$)[a-z0-9]([-a-z0-9.]*[a-z0-9])?"


class KubernetesConflictError(TargetChangedError):
    """The object is newer than the resourceVersion of the patch."""


class ExistsError(TargetRefusedError):
    """There is an object of this name."""


class KubernetesMissingError(TargetRefusedError):
    """There is no object of this name."""


class UnservedError(TargetRefusedError):
    """The API server has no such kind of object."""


def require_name(kind: str, name: str, pattern: str = SUBDOMAIN) -> None:
    """Raise TargetRefusedError, and send nothing, for what can't be a name in Kubernetes."""
    if not re.fullmatch(pattern, name):
        raise TargetRefusedError(
            f"kubernetes: {short(repr(name))} can't be the name of a {kind}; "
            "under targets write the name that it has in the cluster"
        )

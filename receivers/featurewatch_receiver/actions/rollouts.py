"""What speaks against replacing every replica of a deployment."""

from featurewatch_receiver.backends.base import Deployment
from featurewatch_receiver.errors import ActionSkippedError
from featurewatch_receiver.states import SkipReason


def require_replaceable(seen: Deployment) -> None:
    """Go on where replicas are replaced, and some serve meanwhile.

    Raises:
        ActionSkippedError: a person has paused that, or nobody might serve.

    """
    if seen.paused:
        raise ActionSkippedError(SkipReason.ROLLOUT_UNDER_WAY, seen.paused)
    if seen.unsafe:
        raise ActionSkippedError(SkipReason.UNSAFE_ROLLOUT, seen.unsafe)


def require_quiet(seen: Deployment) -> None:
    """Go on where every replica is of the newest state and ready.

    Raises:
        ActionSkippedError: one is not.

    """
    if not seen.settled:
        ready = f"{seen.ready_replicas} of {seen.replicas} replicas ready"
        raise ActionSkippedError(SkipReason.ROLLOUT_UNDER_WAY, f"{ready}: a change is under way")

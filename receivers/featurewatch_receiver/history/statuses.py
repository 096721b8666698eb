"""The status of an episode, from its row; this is its one home."""

from sqlalchemy import case, literal

from featurewatch_receiver.states import Status
from featurewatch_receiver.store.schema import episodes

_SINCE = {
    Status.RESOLVED: episodes.c.resolved_at,
    Status.ACKNOWLEDGED: episodes.c.acknowledged_at,
    Status.SILENCED: episodes.c.silenced_at,
}
#: SQL of the status of an episode.
status_column = case(
    *((since.is_not(None), literal(word.value)) for word, since in _SINCE.items()),
    else_=literal(Status.ACTIVE.value),
).label("status")

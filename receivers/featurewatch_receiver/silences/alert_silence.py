"""Silencing one alert on every level, and ending that again."""

from featurewatch_receiver.clients.alertmanager import Alertmanager, Matcher, NewSilence, Silence
from featurewatch_receiver.clock import utc_now
from featurewatch_receiver.errors import AcknowledgementError
from featurewatch_receiver.labels import Labels, identity_of
from featurewatch_receiver.silences.acknowledgement import AT_ONCE, Note, read
from featurewatch_receiver.silences.matching import apart, find_one, text_of

#: What such a silence says before the reason.
SILENCE = "featurewatch silence: "


def silence(client: Alertmanager, wanted: Labels, note: Note) -> str:
    """Mute one alert, on every level, and return the silence's id.

    Raises:
        AcknowledgementError: no alert that fires is meant, or several are.
        AlertmanagerError: Alertmanager can't be asked.

    """
    firing = client.alerts()
    identity = apart(identity_of(find_one(wanted, firing)[0].labels), firing)
    return client.add_silence(
        NewSilence(
            matchers=tuple(Matcher(name=name, value=identity[name]) for name in identity),
            starts_at=AT_ONCE,
            ends_at=utc_now() + note.duration,
            created_by=note.user.strip(),
            comment=f"{SILENCE}{note.reason.strip()}",
        )
    )


def unsilence(client: Alertmanager, labels: Labels) -> bool:
    """End what `silence` made for the alert with these labels; True if others still mute it.

    Silences made elsewhere are left alone: they may be about more than this alert.

    Raises:
        AcknowledgementError: there is no silence of ours for it.
        AlertmanagerError: Alertmanager can't be asked.

    """
    identity = identity_of(labels)
    ours = [found.id for found in client.silences() if _is_ours(found, identity)]
    if not ours:
        raise AcknowledgementError(
            f"{text_of(identity)}: was not silenced here; end a silence of others in Alertmanager"
        )
    for found in ours:
        client.expire_silence(found)
    left = {found.id for found in client.silences() if not read(found)}
    alike = [found for found in client.alerts() if identity_of(found.labels) == identity]
    return any(left.intersection(found.status.silenced_by) for found in alike)


def _is_ours(found: Silence, identity: Labels) -> bool:
    if not found.comment.startswith(SILENCE):
        return False
    is_plain = all(matcher.is_equal and not matcher.is_regex for matcher in found.matchers)
    return is_plain and {m.name: m.value for m in found.matchers if m.value} == identity

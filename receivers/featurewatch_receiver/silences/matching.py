"""Which alert a person means, and the labels that mean it alone.

An alert is meant by some of its labels, alertname among them; a label that must be missing is
given as "".
"""

import json
from collections.abc import Sequence

from featurewatch_receiver.clients.alertmanager import Alert
from featurewatch_receiver.errors import AcknowledgementError
from featurewatch_receiver.labels import ALERTNAME, EXTRACTOR, Labels, identity_of
from featurewatch_receiver.logs import escaped


def find_one(wanted: Labels, alerts: list[Alert]) -> list[Alert]:
    """Return every alert of the only identity that is meant.

    Raises:
        AcknowledgementError: none is, or several are.

    """
    meant = [identity_of(alert.labels) for alert in alerts if matches(alert.labels, wanted)]
    if not meant:
        firing = ", ".join(sorted({alert.labels.get(ALERTNAME, "") for alert in alerts}))
        raise AcknowledgementError(
            f"{text_of(wanted)}: no such alert fires; firing are: {firing or 'none'}"
        )
    refuse_several(wanted, meant)
    return [alert for alert in alerts if identity_of(alert.labels) == meant[0]]


def refuse_several(wanted: Labels, identities: Sequence[Labels]) -> None:
    """Raise AcknowledgementError, with the labels that tell them apart, if they are not one."""
    names = sorted({name for identity in identities for name in identity})
    differ = [n for n in names if len({identity.get(n, "") for identity in identities}) > 1]
    if not differ:
        return
    each = sorted({text_of({n: identity.get(n, "") for n in differ}) for identity in identities})
    raise AcknowledgementError(
        f"{text_of(wanted)}: {len(each)} alerts match; add LABEL=VALUE of one: {' or '.join(each)}"
    )


def matches(labels: Labels, wanted: Labels) -> bool:
    """Whether an alert with these labels is meant."""
    return all(labels.get(name, "") == value for name, value in wanted.items())


def apart(identity: Labels, firing: list[Alert]) -> dict[str, str]:
    """Add as "" what the alert lacks and others of its name have, now or later.

    A silence says nothing of a label that it does not match, so that of an alert about no extractor
    would be one of every extractor.
    """
    alike = [a.labels for a in firing if a.labels.get(ALERTNAME) == identity.get(ALERTNAME)]
    theirs = {name for labels in alike for name in identity_of(labels)}
    return dict.fromkeys(sorted({EXTRACTOR, *theirs}), "") | dict(identity)


def text_of(labels: Labels) -> str:
    """The labels, for a message."""
    return " ".join(f"{name}={quoted(value)}" for name, value in labels.items())


def quoted(value: str) -> str:
    r"""Return a label's value in double quotes, with \" and \n and so on escaped."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isprintable() else escaped(c) for c in text)

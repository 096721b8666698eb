"""What two alerts mute stays muted when one of them ends: Alertmanager 0.30 to 0.34.0 forget both.

Rules of ours have one source for each target (tests/kit/checks/test_sources.py).
"""

from alertmanager.forms import CACHE, CASCADE, CRITICAL, incident, member
from alertmanager.people import TEAM


def test_members_stay_muted_when_the_milder_form_of_their_incident_ends(people):
    x = "two-forms"
    milder = incident(CASCADE, x, "latency_violation", 1, severity="high")
    worse = incident(CASCADE, x, "latency_violation", 1)
    members = member(CRITICAL, x, 1) + member(CACHE, x, 1)
    # The one that ends comes last: that is the one which it remembers.
    people.send(*members, *worse, *milder)
    people.begins(*worse)
    people.send(*milder)
    people.resolve(*milder)
    people.settle()
    assert set(people.began(x)) == {(TEAM, CASCADE, "1")}

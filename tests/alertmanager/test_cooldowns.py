"""After a worse trouble nobody is told of a milder one that only its cooldown still holds."""

import pytest

from alertmanager.chain import ANNOTATIONS, an_alert

HIGH, CRITICAL = "FeatureExtractionLatencyHigh", "FeatureExtractionLatencyCritical"
TROUBLE = {"category": "performance", "type": "latency"}


def high(extractor):
    """The milder alert of an extractor."""
    words = ANNOTATIONS | {"summary": f"{extractor} is slower than required"}
    return an_alert(HIGH, words, extractor=extractor, severity="high", **TROUBLE)


def held(extractor):
    """What tells Alertmanager that nothing but its cooldown holds it."""
    labels = {"alertname": "FeaturewatchCooldown", "severity": "none", "held": HIGH}
    ours = {"category": "featurewatch", "type": "cooldown"}
    return {"labels": labels | ours | {"extractor": extractor, "cluster": "west"}}


@pytest.fixture(scope="module")
def after(chain):
    """A critical trouble of two extractors is over, and of one of them all is well again."""
    critical = [an_alert(CRITICAL, extractor=name, **TROUBLE) for name in ("well", "slow")]
    chain.send(held("well"), *critical, high("well"), high("slow"))
    chain.heard(CRITICAL)
    chain.resolve(*critical)
    chain.wait_until("the milder one of slow is told", lambda: of(chain, "slow"))
    return chain


def of(chain, extractor):
    """Mails that tell of the milder alert of an extractor."""
    return [mail for mail in chain.told(HIGH)[1] if f" {extractor} is slower" in mail["Subject"]]


def test_what_is_still_slow_is_told_and_what_is_well_is_not(after):
    """Both groups are flushed every second, so the one that is told comes no sooner."""
    assert of(after, "slow")
    assert of(after, "well") == []


def test_its_end_says_nothing_either(after):
    after.resolve(high("well"), held("well"))
    after.wait_until("it is forgotten", lambda: not after.holds(HIGH, extractor="well"))
    assert of(after, "well") == []

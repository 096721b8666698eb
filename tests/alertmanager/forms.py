"""Incidents and their members, with the labels of the rules."""

from alertmanager.chain import an_alert

CASCADE = "FeatureExtractionLatencyCascade"
CRITICAL = "FeatureExtractionLatencyCritical"
RESOURCES = "FeatureExtractionResourcesCritical"
CACHE = "FeatureExtractionCacheHitRateLow"
ERRORS = "FeatureExtractionErrorRateHigh"
FALLBACK = "FeatureExtractionFallbackUsageHigh"
STORM = "FeatureExtractionErrorStorm"
KINDS = {
    CRITICAL: ("latency_violation", "critical", "performance", "latency"),
    RESOURCES: ("resource_critical", "critical", "resources", "utilization"),
    CACHE: ("default", "medium", "cache", "performance"),
    ERRORS: ("error_rate_spike", "high", "errors", "rate"),
    FALLBACK: ("default", "medium", "fallback", "usage"),
}


def member(name, extractor, *levels):
    """These levels of an alert."""
    policy, severity, category, kind = KINDS[name]
    return [
        an_alert(
            name,
            extractor=extractor,
            severity=severity,
            category=category,
            type=kind,
            escalation_policy=policy,
            escalation_level=str(level),
        )
        for level in levels
    ]


def incident(name, extractor, policy, *levels, told=None, severity="critical"):
    """These levels of an incident."""
    before = {"told": told} if told else {}
    return [
        an_alert(
            name,
            extractor=extractor,
            severity=severity,
            category="correlation",
            type=name,
            escalation_policy=policy,
            escalation_level=str(level),
            **before,
        )
        for level in levels
    ]

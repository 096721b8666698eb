"""The generated Alertmanager configuration: who is told, what mutes what, and no secrets."""

import re
import subprocess

import pytest
import yaml
from waiting import PATIENCE_SECONDS

RULES = "rules/generated/featurewatch_alerts.yaml"
ALERTMANAGER = "alertmanager/generated/alertmanager.yaml"

# Those who hear of the same levels share a receiver.
PEOPLE = {
    ("default", "1"): ["default-level-1"],
    ("latency_violation", "1"): ["latency_violation-levels-1-2"],
    ("latency_violation", "2"): [
        "latency_violation-levels-1-2",
        "latency_violation-level-2",
        "latency_violation-levels-2-3",
    ],
    ("latency_violation", "3"): ["latency_violation-levels-2-3", "latency_violation-level-3"],
    ("resource_critical", "1"): ["resource_critical-levels-1-2"],
    ("resource_critical", "2"): ["resource_critical-levels-1-2", "resource_critical-level-2"],
    ("error_rate_spike", "1"): ["error_rate_spike-levels-1-2"],
    ("error_rate_spike", "2"): ["error_rate_spike-levels-1-2", "error_rate_spike-level-2"],
}
# Alerts that no level claims: someone else's, or of a policy that does not exist any more.
STRANGERS = [
    ["alertname=DiskFull"],
    ["escalation_policy=gone", "escalation_level=1"],
    ["escalation_policy=default", "escalation_level=2"],
]


def run(*command):
    """Exit code, and what the command says to its caller."""
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )
    return done.returncode, done.stdout.strip() or done.stderr.strip()


def tree(folder, file=ALERTMANAGER):
    """Parsed content of a generated file."""
    return yaml.safe_load((folder / file).read_text(encoding="utf-8"))


def names(config):
    """Names of the receivers."""
    return [receiver["name"] for receiver in config["receivers"]]


def kinds(config):
    """Each way in which any receiver is reached, as email_configs."""
    return {key for receiver in config["receivers"] for key in receiver if key != "name"}


def leaves(node, path=()):
    """Key path and value of everything that is no mapping or list."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from leaves(value, (*path, key))
    elif isinstance(node, list):
        for value in node:
            yield from leaves(value, path)
    else:
        yield path, node


@pytest.fixture(scope="module")
def config(root):
    """The committed configuration."""
    return tree(root)


def test_amtool_accepts_the_configuration_and_its_templates(root, generated, amtool):
    folder = generated(f"templates_path: {root}/alertmanager/templates/*.tmpl")
    code, said = run(amtool, "check-config", folder / ALERTMANAGER)
    assert code == 0, said
    assert "1 templates" in said


@pytest.mark.parametrize(("policy", "level"), PEOPLE)
def test_a_level_goes_to_the_remediator_and_to_its_own_people(policy, level, root, amtool):
    labels = [f"escalation_policy={policy}", f"escalation_level={level}"]
    code, said = run(
        amtool, "config", "routes", "test", f"--config.file={root / ALERTMANAGER}", *labels
    )
    told = ",".join(["featurewatch-receiver", *PEOPLE[policy, level]])
    assert (code, said) == (0, told)


@pytest.mark.parametrize("labels", STRANGERS)
def test_what_no_level_claims_goes_to_the_default_policy(labels, root, amtool):
    code, said = run(
        amtool, "config", "routes", "test", f"--config.file={root / ALERTMANAGER}", *labels
    )
    assert (code, said) == (0, "featurewatch-receiver,default-level-1")


def test_every_policy_and_level_of_the_rules_is_in_the_table_above(root):
    labels = [
        rule["labels"]
        for group in tree(root, RULES)["groups"]
        for rule in group["rules"]
        if "escalation_policy" in rule.get("labels", {})
    ]
    used = {(label["escalation_policy"], label["escalation_level"]) for label in labels}
    assert used == set(PEOPLE)


@pytest.mark.parametrize(
    ("receiver", "reached"),
    [
        (
            "latency_violation-level-3",
            {
                "email_configs": ["engineering-manager@example.com"],
                "slack_configs": ["#engineering-managers"],
                "pagerduty_configs": [
                    "/etc/alertmanager/secrets/pagerduty-managers",
                    "/etc/alertmanager/secrets/pagerduty-on-call",
                ],
            },
        ),
        (
            "resource_critical-levels-1-2",
            {"email_configs": ["on-call@example.com"], "slack_configs": ["#on-call"]},
        ),
        ("default-level-1", {"email_configs": ["monitoring-team@example.com"]}),
    ],
)
def test_a_receiver_reaches_the_recipients_on_the_channels_of_its_level(receiver, reached, config):
    address = {
        "email_configs": "to",
        "slack_configs": "channel",
        "pagerduty_configs": "routing_key_file",
    }
    found = next(entry for entry in config["receivers"] if entry["name"] == receiver)
    assert {
        kind: [way[address[kind]] for way in ways] for kind, ways in found.items() if kind != "name"
    } == reached


def test_everything_that_is_sent_is_also_resolved(config):
    ways = [
        way
        for receiver in config["receivers"]
        for kind in receiver.values()
        for way in kind
        if isinstance(way, dict)
    ]
    assert ways
    assert all(way["send_resolved"] for way in ways)


def test_critical_mutes_high_of_the_same_kind_of_trouble_of_the_same_extractor(config):
    rule = config["inhibit_rules"][0]
    assert 'severity="critical"' in rule["source_matchers"]
    assert 'severity="high"' in rule["target_matchers"]
    assert rule["equal"] == ["extractor", "category", "type"]


def test_the_longer_cooldown_of_what_critical_muted_is_muted_too(config):
    """Of the defaults there is one such pair: LatencyCritical 2m, LatencyHigh 5m."""
    held = [r for r in config["inhibit_rules"] if "FeaturewatchCooldown" in str(r)]
    assert held == [
        {
            "source_matchers": [
                'alertname="FeaturewatchCooldown"',
                'held="FeatureExtractionLatencyHigh"',
            ],
            "target_matchers": ['alertname="FeatureExtractionLatencyHigh"'],
            "equal": ["extractor"],
        }
    ]


def test_a_cooldown_that_is_no_longer_than_that_of_critical_needs_no_muting(generated):
    overlay = "alerts: {FeatureExtractionLatencyHigh: {cooldown: 2m}}"
    folder = generated(overlay)
    assert "FeaturewatchCooldown" not in str(tree(folder)["inhibit_rules"])
    alerts = folder / "rules/generated/featurewatch_alerts.yaml"
    assert "FeaturewatchCooldown" not in alerts.read_text(encoding="utf-8")


def one_of(label, words):
    """The matcher for any of these words."""
    return f'{label}{"=" if len(words) == 1 else "=~"}"{"|".join(words)}"'


def test_a_higher_level_mutes_the_lower_ones_of_the_same_alert(config):
    equal = ["alertname", "severity", "escalation_policy", "extractor"]
    levels = [rule for rule in config["inhibit_rules"] if rule.get("equal") == equal]
    assert [(rule["source_matchers"][1:], rule["target_matchers"][1:]) for rule in levels] == [
        (['escalation_level="2"'], ['escalation_level="1"']),
        (['escalation_level="3"'], ['escalation_level=~"1|2"']),
    ]
    names = {matcher for rule in levels for matcher in (rule["source_matchers"][0],)}
    assert names == {rule["target_matchers"][0] for rule in levels}
    assert "FeatureExtractionLatencyCritical" in names.pop()


def test_levels_of_an_instance_mute_no_other_instance(generated):
    """An alert about an instance has no extractor; that is no reason to be the same."""
    overlay = (
        "alerts: {FeatureExtractionExporterDown:"
        " {escalation: latency_violation, escalation_required: true}}"
    )
    rules = [
        rule
        for rule in tree(generated(overlay))["inhibit_rules"]
        if "FeatureExtractionExporterDown" in rule["source_matchers"][0]
    ]
    assert rules
    assert all({"job", "instance"} <= set(rule["equal"]) for rule in rules)


def test_a_worse_incident_mutes_a_milder_one_of_the_same_policy_only(config):
    """Across policies the stricter one wins: two alerts must never mute each other."""
    rules = [
        rule
        for rule in config["inhibit_rules"]
        if rule.get("equal") == ["alertname", "escalation_policy", "extractor"]
    ]
    first = {
        (rule["source_matchers"][1], rule["target_matchers"][1])
        for rule in rules
        if rule["source_matchers"][2] == 'escalation_level="1"'
    }
    assert first == {
        ('severity="critical"', 'severity=~"high|medium|low"'),
        ('severity="high"', 'severity=~"medium|low"'),
        ('severity="medium"', 'severity="low"'),
    }
    assert all('category="correlation"' in rule["source_matchers"] for rule in rules)


# The forms of each incident, and how many levels each has.
FORMS = [
    ("FeatureExtractionErrorStorm", "high", "error_rate_spike", 2),
    ("FeatureExtractionLatencyCascade", "critical", "resource_critical", 2),
    ("FeatureExtractionLatencyCascade", "critical", "latency_violation", 3),
    ("FeatureExtractionLatencyCascade", "high", "latency_violation", 1),
]


def form(name, severity, policy, level):
    """The matchers of one level of one form of an incident."""
    return [
        f'alertname="{name}"',
        f'severity="{severity}"',
        f'escalation_policy="{policy}"',
        f'escalation_level="{level}"',
    ]


def muting_all(config, targets):
    """Sides of the rules by which an incident mutes all of its members."""
    return [
        (rule["source_matchers"][:-1], rule["target_matchers"])
        for rule in config["inhibit_rules"]
        if rule.get("equal") == ["extractor"]
        and len(rule["target_matchers"]) == targets
        and rule["source_matchers"][-1].startswith("told!~")
    ]


def test_a_correlated_alert_mutes_its_members_up_to_its_own_level(root, config):
    """An alert that matches both sides of a rule would mute itself.

    Each form has its own rules: of two sources of one rule Alertmanager 0.30 to 0.34.0 forgets one.
    """
    settings = yaml.safe_load((root / "config.yaml").read_text())["correlation"]["rules"]
    assert muting_all(config, targets=2) == [
        (
            form(name, severity, policy, level),
            [
                one_of("alertname", settings[name]["members"]),
                one_of("escalation_level", "123"[:level]),
            ],
        )
        for name, severity, policy, levels in FORMS
        for level in range(1, levels + 1)
    ]
    assert not any(name in rule["members"] for name, rule in settings.items())


def test_the_last_level_of_an_incident_mutes_every_level_of_its_members(config):
    """Of this form alone: a stricter or worse member takes the incident with it."""
    [(source, target)] = muting_all(config, targets=4)
    assert source == form("FeatureExtractionLatencyCascade", "critical", "resource_critical", 2)
    assert target[1:] == [
        'severity=~"critical|high|medium|low"',
        'escalation_policy=~"resource_critical|latency_violation|error_rate_spike|default"',
        'escalation_level=~"1|2|3"',
    ]


def test_an_incident_goes_on_under_the_stricter_policy(config):
    """Strictest first: who pages soonest, then who is on Slack soonest."""
    order = ["resource_critical", "latency_violation", "error_rate_spike", "default"]
    found = [
        (rule["source_matchers"][1:-1], rule["target_matchers"][1:])
        for rule in config["inhibit_rules"]
        if rule.get("equal") == ["alertname", "extractor"]
        if rule["source_matchers"][-1].startswith("told!~")
    ]
    assert found == [
        (
            form("", severity, order[place], level)[1:],
            [
                one_of("escalation_policy", order[place + 1 :]),
                one_of("escalation_level", "123"[:level]),
            ],
        )
        for place, severity, levels in (
            (0, "critical", 2),
            (1, "critical", 3),
            (1, "high", 3),
            (2, "high", 2),
        )
        for level in range(1, levels + 1)
    ]


def sources(rule):
    """Names of the alerts that mute, if the rule names them."""
    named = (matcher for matcher in rule["source_matchers"] if matcher.startswith("alertname="))
    return next(named, "")


def test_no_inhibition_is_between_alerts_of_different_extractors(config):
    """A storm is of all of them."""
    of_one = [
        rule for rule in config["inhibit_rules"] if "FeatureExtractionStorm" not in sources(rule)
    ]
    assert all("extractor" in rule["equal"] for rule in of_one)


def test_more_identity_labels_keep_groups_and_inhibition_apart(generated):
    config = tree(generated("metrics: {identity: [extractor, cluster]}"))
    assert config["route"]["group_by"] == ["alertname", "extractor", "cluster"]
    of_one = [
        rule for rule in config["inhibit_rules"] if "FeatureExtractionStorm" not in sources(rule)
    ]
    assert all({"extractor", "cluster"} <= set(rule["equal"]) for rule in of_one)


def test_secrets_are_named_by_file_only(generated):
    """Every secret of Alertmanager's that we use has a key of its own that ends in _file."""
    config = tree(generated("channels: {email: {username: featurewatch, password_file: /run/pw}}"))
    found = list(leaves(config))
    inline = {"api_url", "routing_key", "service_key", "credentials", "bearer_token"}
    inline |= {
        "password",
        "smtp_auth_password",
        "slack_api_url",
        "auth_password",
        "smtp_auth_secret",
    }
    assert not [path for path, _ in found if path[-1] in inline]
    files = {path[-1]: value for path, value in found if path[-1].endswith("_file")}
    assert set(files) == {
        "smtp_auth_password_file",
        "slack_api_url_file",
        "routing_key_file",
        "credentials_file",
    }
    assert all(str(value).startswith("/") for value in files.values())


def test_no_value_looks_like_a_secret(config):
    """Slack's webhook addresses, keys of 20 or more letters and digits, passwords in addresses."""
    secret = re.compile(
        r"hooks\.slack\.com/services|\b(?=\w*\d)(?=\w*[a-z])\w{20,}\b|://[^/\s]+:\S+@"
    )
    assert not [value for _, value in leaves(config) if secret.search(str(value))]


# --- Switches -------------------------------------------------------------------------------


def test_escalation_off_leaves_the_first_level_of_each_policy(generated):
    folder = generated("escalation: {enabled: false}")
    config = tree(folder)
    assert [name for name in names(config) if not name.endswith("-level-1")] == [
        "featurewatch-receiver",
        "nobody",
    ]
    levels = re.findall(r'escalation_level="(\d)"', str(config["inhibit_rules"]))
    assert set(levels) == {"1"}
    assert not any("-level-2" in str(route) for route in config["route"]["routes"])
    rules = [rule for group in tree(folder, RULES)["groups"] for rule in group["rules"]]
    used = {rule.get("labels", {}).get("escalation_level") for rule in rules}
    assert used == {None, "1"}


@pytest.mark.parametrize(
    ("channel", "kind"),
    [
        ("email", "email_configs"),
        ("slack", "slack_configs"),
        ("pagerduty", "pagerduty_configs"),
    ],
)
def test_a_channel_that_is_off_is_nowhere(channel, kind, generated, amtool):
    folder = generated(f"channels: {{{channel}: {{enabled: false}}}}")
    config = tree(folder)
    assert kind not in kinds(config)
    assert not [key for key in config["global"] if key.startswith(f"{channel}_")]
    if channel == "email":
        assert not [key for key in config["global"] if key.startswith("smtp_")]
    code, said = run(amtool, "check-config", folder / ALERTMANAGER)
    assert code == 0 or "no files found" in said, said


def test_correlation_off_generates_nothing_of_it(generated):
    folder = generated("correlation: {enabled: false}")
    for file in (RULES, ALERTMANAGER):
        text = (folder / file).read_text()
        assert "Cascade" not in text
        assert "ErrorStorm" not in text
        assert 'category="correlation"' not in text


def test_one_correlation_rule_off_generates_nothing_of_it(generated):
    folder = generated("correlation: {rules: {FeatureExtractionErrorStorm: {enabled: false}}}")
    for file in (RULES, ALERTMANAGER):
        text = (folder / file).read_text()
        assert "ErrorStorm" not in text
        assert "Cascade" in text


@pytest.mark.parametrize(
    "overlay",
    ["responses: {enabled: false}", "channels: {dashboard: {enabled: false}}"],
)
def test_the_webhook_stays_while_history_or_responses_need_it(overlay, generated):
    config = tree(generated(overlay))
    assert config["route"]["routes"][0]["receiver"] == "featurewatch-receiver"
    assert "webhook_configs" in kinds(config)


def test_without_history_and_responses_there_is_no_webhook(generated):
    config = tree(
        generated("{responses: {enabled: false}, channels: {dashboard: {enabled: false}}}")
    )
    assert "featurewatch-receiver" not in [route["receiver"] for route in config["route"]["routes"]]
    assert "webhook_configs" not in kinds(config)


# --- Signals, severities, times -------------------------------------------------------------


@pytest.mark.parametrize("name", ["Watchdog", "FeaturewatchMaintenance", "FeaturewatchCooldown"])
def test_signals_go_to_the_receiver_and_to_no_person(name, root, amtool):
    code, said = run(
        amtool,
        "config",
        "routes",
        "test",
        f"--config.file={root / ALERTMANAGER}",
        f"alertname={name}",
    )
    assert (code, said) == (0, "featurewatch-receiver")


def test_without_a_receiver_signals_go_to_nobody(generated):
    config = tree(
        generated("{responses: {enabled: false}, channels: {dashboard: {enabled: false}}}")
    )
    assert config["route"]["routes"][0]["receiver"] == "nobody"
    assert {"name": "nobody"} in config["receivers"]


SEVERITIES = """
routing:
  severities:
    critical: {group_wait: 45s, group_interval: 1m, repeat_interval: 30m}
    high: {mute_time_intervals: [nights]}
  time_intervals:
    nights: [{times: [{start_time: "00:00", end_time: "06:00"}]}]
"""


def below(route):
    """Every route below one."""
    for child in route.get("routes", []):
        yield child
        yield from below(child)


def test_a_severity_has_a_pace_and_quiet_times_of_its_own(generated, amtool):
    folder = generated(SEVERITIES)
    config = tree(folder)
    paces = {
        route["matchers"][0]: {key: route[key] for key in route if key != "matchers"}
        for route in below(config["route"])
        if route.get("matchers", [""])[0].startswith("severity")
    }
    assert paces == {
        'severity="critical"': {
            "group_wait": "45s",
            "group_interval": "1m",
            "repeat_interval": "30m",
        },
        'severity="high"': {"mute_time_intervals": ["nights"]},
        'severity="low"': {"repeat_interval": "12h"},
    }
    assert config["time_intervals"][0]["name"] == "nights"
    code, said = run(amtool, "check-config", folder / ALERTMANAGER)
    assert code == 0 or "no files found" in said, said


def test_the_end_of_what_does_not_resolve_by_itself_is_not_told(generated, amtool):
    folder = generated("alerts: {FeatureExtractionErrorRateHigh: {auto_resolve: false}}")
    config = tree(folder)
    told = {
        receiver["name"]: way["send_resolved"]
        for receiver in config["receivers"]
        for kind, ways in receiver.items()
        if kind == "email_configs"
        for way in ways
        if receiver["name"].startswith("error_rate_spike-levels-1-2")
    }
    assert told == {
        "error_rate_spike-levels-1-2": True,
        "error_rate_spike-levels-1-2-unresolved": False,
    }
    labels = ["escalation_policy=error_rate_spike", "escalation_level=1", "auto_resolve=false"]
    labels.append("alertname=FeatureExtractionErrorRateHigh")
    code, said = run(
        amtool, "config", "routes", "test", f"--config.file={folder / ALERTMANAGER}", *labels
    )
    assert (code, said) == (0, "featurewatch-receiver,error_rate_spike-levels-1-2-unresolved")


def test_planned_work_mutes_everything_or_its_extractors(generated):
    window = "from: 2026-12-01T20:00:00Z, to: 2026-12-01T22:00:00Z"
    config = tree(generated(f"maintenance: [{{name: w, {window}, extractors: [big_model]}}]"))
    everything, one = config["inhibit_rules"][:2]
    assert 'scope="all"' in everything["source_matchers"]
    assert "equal" not in everything
    assert 'scope="extractor"' in one["source_matchers"]
    assert one["equal"] == ["extractor"]


@pytest.mark.parametrize("overlay", ["{}", "escalation: {enabled: false}"])
def test_without_planned_work_nothing_mutes_everything(overlay, generated):
    rules = tree(generated(overlay))["inhibit_rules"]
    assert all(rule.get("equal") for rule in rules if "FeatureExtractionStorm" not in sources(rule))


def test_without_grafana_nothing_leads_there(root, generated):
    folder = generated("links: {grafana: null}")
    alerts = (folder / "rules/generated/featurewatch_alerts.yaml").read_text()
    assert "dashboard_url" not in alerts
    text = (folder / ALERTMANAGER).read_text()
    assert "dashboard_url" not in text
    slack = next(
        channel
        for receiver in yaml.safe_load(text)["receivers"]
        for channel in receiver.get("slack_configs", [])
    )
    assert [action["text"] for action in slack["actions"]] == ["Runbook", "Console", "Silence"]
    assert "console_url" in slack["title_link"]

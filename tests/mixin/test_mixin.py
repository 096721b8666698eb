"""featurewatch as one mixin among others: overridden in jsonnet, composed, vendored."""

import json

import pytest
import yaml

from featurewatch_kit.generate import MADE, evaluate
from featurewatch_kit.project import load_config

# The same wishes, as the kit's users write them and as jsonnet users do.
OVERLAY = """
metrics: {selector: 'namespace="prod"'}
alerts:
  FeatureExtractionCacheHitRateLow: {threshold: 0.7, labels: {team: search}}
  FeatureExtractionFallbackUsageHigh: {enabled: false}
recipients: {monitoring_team: {email: ml@example.com}}
"""
OVERRIDE = """
{
  _config+:: {
    featurewatch+: {
      metrics+: { selector: 'namespace="prod"' },
      alerts+: {
        FeatureExtractionCacheHitRateLow+: { threshold: 0.7, labels+: { team: 'search' } },
        FeatureExtractionFallbackUsageHigh+: { enabled: false },
      },
      recipients+: { monitoring_team+: { email: 'ml@example.com' } },
    },
  },
}
"""
# A mixin as others write them, with settings that look like ours.
OTHER = """
{
  local this = self,
  _config+:: { selector: 'job="disk"', threshold: 0.9 },
  prometheusRules+:: {
    groups+: [{ name: 'disk.rules', rules: [{ record: 'disk:full:ratio', expr: '1' }] }],
  },
  prometheusAlerts+:: {
    groups+: [{
      name: 'disk',
      rules: [{ alert: 'DiskFull', expr: 'disk{%s} > %s' % [
        this._config.selector, this._config.threshold,
      ] }],
    }],
  },
  grafanaDashboards+:: { 'disk.json': { title: 'Disk' } },
}
"""
FIELDS = ["prometheusRules", "prometheusAlerts", "grafanaDashboards"]


def program(mixin):
    """All that a mixin makes."""
    return f"local mixin = {mixin}; {MADE}"


def groups(made):
    """Every rule group by name, each as the text it becomes."""
    found = made["rules"]["groups"] + made["alerts"]["groups"]
    return {group["name"]: json.dumps(group, sort_keys=True) for group in found}


@pytest.fixture
def kit(root, tmp_path):
    """What `featurewatch generate` makes of an overlay."""

    def make(overlay):
        file = tmp_path / "overlay.yaml"
        file.write_text(overlay, encoding="utf-8")
        return evaluate(load_config(root, [file]), root)

    return make


# --- The conventions of monitoring mixins ---------------------------------------------------


def test_the_mixin_shows_nothing_by_itself(build):
    """Its fields are hidden, so that it can be added to any object."""
    assert build("featurewatch") == {}


@pytest.mark.parametrize("field", FIELDS)
def test_the_fields_are_where_tools_for_mixins_look(field, build):
    assert build(f"std.objectHasAll(featurewatch, '{field}')") is True


def test_rules_and_alerts_are_groups_and_dashboards_are_files(build):
    made = build(program("featurewatch"))
    assert [list(made[key]) for key in ("rules", "alerts")] == [["groups"], ["groups"]]
    assert made["dashboards"]
    assert all(name.endswith(".json") for name in made["dashboards"])


def test_settings_and_groups_bear_our_name_alone(build):
    """Whatever else is composed, nothing of theirs has the same name."""
    assert build("std.objectFieldsAll(featurewatch._config)") == ["featurewatch"]
    made = build(program("featurewatch"))
    assert all(name.startswith("featurewatch.") for name in groups(made))
    assert all(name.startswith("featurewatch-") for name in made["dashboards"])


# --- Overriding -----------------------------------------------------------------------------


def test_a_vendored_mixin_makes_what_the_kit_generates(build, kit):
    assert build(program("featurewatch")) == kit("")


def test_an_override_in_jsonnet_does_what_the_overlay_does(build, kit):
    made = build(program(f"featurewatch + {OVERRIDE}"))
    assert made == kit(OVERLAY)
    assert made != kit("")


def test_an_override_reaches_every_rule(build):
    made = build(program(f"featurewatch + {OVERRIDE}"))
    text = json.dumps(made["alerts"])
    assert "FeatureExtractionCacheHitRateLow" in text
    assert "FeatureExtractionFallbackUsageHigh" not in {
        rule.get("alert") for group in made["alerts"]["groups"] for rule in group["rules"]
    }
    thresholds = [
        rule["expr"]
        for rule in made["rules"]["groups"][0]["rules"]
        if rule.get("labels", {}).get("alert") == "FeatureExtractionCacheHitRateLow"
    ]
    assert any("0.7" in expr for expr in thresholds)
    assert 'namespace="prod"' in json.dumps(made["rules"]).replace("\\", "")


# --- Composing ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "both",
    [
        f"featurewatch + {OTHER} + {OVERRIDE}",
        f"featurewatch + {OVERRIDE} + {OTHER}",
        f"{OTHER} + featurewatch + {OVERRIDE}",
    ],
    ids=["ours first", "ours first and overridden before theirs", "theirs first"],
)
def test_neither_mixin_changes_the_other(both, build):
    made = build(program(both))
    ours = build(program(f"featurewatch + {OVERRIDE}"))
    theirs = build(
        f"local mixin = {OTHER}; {{ rules: mixin.prometheusRules, alerts: mixin.prometheusAlerts }}"
    )
    assert groups(made) == groups(ours) | groups(theirs)
    assert made["dashboards"] == ours["dashboards"] | {"disk.json": {"title": "Disk"}}
    assert made["alertmanager"] == ours["alertmanager"]
    assert made["operator"] == ours["operator"]


def test_two_copies_of_the_mixin_keep_their_own_settings(build):
    made = build(f"""{{
      one: (featurewatch + {OVERRIDE}).prometheusRules,
      two: featurewatch.prometheusRules,
    }}""")
    assert "namespace" in json.dumps(made["one"])
    assert "namespace" not in json.dumps(made["two"])


def test_the_original_engine_composes_and_overrides_alike(build, build_in_c):
    rules = f"({OTHER} + featurewatch + {OVERRIDE}).prometheusRules"
    assert build_in_c(rules) == build(rules)


# --- Mistakes -------------------------------------------------------------------------------

MISTAKES = {
    "{ alertz: {} }": "_config.featurewatch has no key alertz; write one of: access, alerting,",
    "{ alerts+: { FeatureExtractionLatencyHigh+: { treshold: 0.25 } } }": (
        "_config.featurewatch.alerts.FeatureExtractionLatencyHigh has no key treshold; write one of"
    ),
    "{ recipients+: { boss: { e_mail: 'boss@example.com' } } }": (
        "_config.featurewatch.recipients.boss has no key e_mail; write one of: email,"
    ),
    "{ escalation+: { policies+: { mine: { levels: [{ dely: '5m' }] } } } }": (
        "_config.featurewatch.escalation.policies.mine.levels has no key dely; write one of"
    ),
}


@pytest.mark.parametrize(("override", "complaint"), MISTAKES.items())
def test_a_key_that_nobody_reads_is_refused(override, complaint, build):
    with pytest.raises(RuntimeError) as raised:
        build(f"(featurewatch + {{ _config+:: {{ featurewatch+: {override} }} }}).prometheusRules")
    assert complaint in str(raised.value)


def test_the_scrape_configuration_refuses_it_too(build):
    override = "{ _config+:: { featurewatch+: { scrape+: { tagets: ['a:9101'] } } } }"
    with pytest.raises(RuntimeError, match="scrape has no key tagets"):
        build(f"(featurewatch + {override}).featurewatchPrometheus")


def test_names_that_are_yours_to_choose_are_not_refused(build):
    made = build("""
      (featurewatch + { _config+:: { featurewatch+: {
        alerts+: { FeatureExtractionLatencyHigh+: {
          labels+: { team: 'search' },
          overrides+: { big_model: { threshold: 0.25 } },
        } },
        recipients+: { boss: { email: 'boss@example.com' } },
        operator+: { labels+: { 'example.com/team': 'search' } },
      } } }).featurewatchOperator
    """)
    assert "big_model" in json.dumps(made)
    assert yaml.safe_load(json.dumps(made))["prometheus-rule"]["metadata"]["labels"] == {
        "release": "kube-prometheus-stack",
        "example.com/team": "search",
    }


def test_the_original_engine_refuses_an_unknown_key_too(build_in_c):
    override = "{ _config+:: { featurewatch+: { alertz: {} } } }"
    with pytest.raises(RuntimeError, match="has no key alertz"):
        build_in_c(f"(featurewatch + {override}).prometheusRules")

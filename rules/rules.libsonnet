// Recording rules and thresholds in one group, alerts in another. Rules of a group run in order:
// what begins now, when each began, then what has lasted, and what correlates them.
local flapping = import '../lib/flapping.libsonnet';
local promql = import '../lib/promql.libsonnet';
local confidence = import 'confidence.libsonnet';
local cooldowns = import 'cooldowns.libsonnet';
local correlation = import 'correlation/correlation.libsonnet';
local otel = import 'otel.libsonnet';
local recording = import 'recording.libsonnet';
local signals = import 'signals.libsonnet';
local storm = import 'storm.libsonnet';

{
  local config = $.featurewatchSettings,
  // Each a function of the configuration and of its own name, which is that of its file.
  featurewatchAlertFiles:: import 'alerts.libsonnet',
  local files = $.featurewatchAlertFiles,
  // All that there can be, on or off.
  featurewatchAlerts:: { [name]: files[name](config, name) for name in std.objectFields(files) },
  local all = $.featurewatchAlerts,
  // The values that each judges, whether or not it is on.
  featurewatchJudged:: { [name]: all[name].judges for name in std.objectFields(all) },
  local names = [name for name in std.objectFields(all) if config.alerts[name].enabled && all[name].exists],
  // A list, since engines may make the fields of an object anew each time that they are read.
  local alerts = [all[name] for name in names],
  local each(rules) = std.flatMap(rules, alerts),
  local byName = { [names[i]]: alerts[i] for i in std.range(0, std.length(names) - 1) },
  local correlated = correlation(config, byName),
  local group(name, rules) = {
    name: name,
    interval: config.alerting.evaluation_interval,
    rules: rules,
  },

  // The labels that tell alerts of one name apart.
  featurewatchIdentities:: { [names[i]]: alerts[i].identity for i in std.range(0, std.length(names) - 1) }
                           + { [name]: config.metrics.identity for name in correlated.names },

  // How the receiver sees for itself whether an alert's trouble is over.
  featurewatchChecks:: (import 'checks.libsonnet')(config, $.featurewatchJudged),

  // What each recorded value is.
  featurewatchMeanings:: std.foldl(
    function(found, alert) std.foldl(
      function(all, value) all { [value.series(config.alerts[alert.key].window)]: value.means }
                           + value.counts(config.alerts[alert.key]),
      alert.value,
      found
    ),
    std.objectKeysValues($.featurewatchJudged),
    {}
  ),

  local began(these, labels={}) = if these == [] then [] else [{
    record: 'featurewatch:alert_start_timestamp_seconds',
    [if labels != {} then 'labels']: labels,
    expr: |||
      # When each firing alert began: its former value, which outlives a restart, or this moment.
      # Without the labels that a ruler of Thanos adds, with which it would be another series.
      max by (alertname, category, %(by)s) (featurewatch:alert_start_timestamp_seconds)
        and on (alertname, %(by)s)
      %(firing)s
      or on (alertname, %(by)s)
      time() * group by (alertname, category, %(by)s) (%(firing)s)
    ||| % {
      by: std.join(', ', std.set(std.flatMap(function(name) $.featurewatchIdentities[name], these))),
      firing: 'ALERTS{%s, alertstate="firing", escalation_level="1"}'
              % promql.oneOf('alertname', these),
    },
  }],

  prometheusRules+:: {
    groups+: [group(
      'featurewatch.rules',
      otel(config)
      + recording(config, $.featurewatchJudged)
      + each(function(a) a.recordings)
      + confidence(config, { [name]: byName[name] for name in names if byName[name].counts })
      + each(function(a) a.breaches)
    )] + std.filter(function(one) one.rules != [], [
      // A look at weeks takes long, and what they say is the same a moment later.
      group('featurewatch.history', each(function(a) a.history)) {
        interval: config.alerts.FeatureExtractionUnusual.step,
      },
    ]),
  },

  prometheusAlerts+:: {
    groups+: if config.alerting.enabled
    then [group(
      'featurewatch.alerts',
      signals(config)
      + each(function(a) a.levels[:1])
      + began(names)
      + flapping.records(config, [name for name in names if byName[name].judges != []])
      + each(function(a) a.levels[1:])
      + cooldowns(config, byName, $.featurewatchIdentities)
      + correlated.rules
      + storm(config, byName, $.featurewatchIdentities)
      // Theirs anyway, and promtool warns of two rules that it can't tell apart.
      + began(correlated.names, { category: 'correlation' })
    )]
    else [],
  },
}

// Recording rules and thresholds in one group, alerts in another. Rules of a group run in order:
// what begins now, when each began, then what has lasted, and what correlates them.
local correlation = import 'correlation.libsonnet';
local promql = import '../lib/promql.libsonnet';
local recording = import 'recording.libsonnet';
local signals = import 'signals.libsonnet';

{
  local config = $._config.featurewatch,
  local all =
    (import 'alerts/latency.libsonnet')(config)
    + (import 'alerts/cache.libsonnet')(config)
    + (import 'alerts/resources.libsonnet')(config)
    + (import 'alerts/errors.libsonnet')(config)
    + (import 'alerts/fallback.libsonnet')(config)
    + (import 'alerts/batch.libsonnet')(config)
    + (import 'alerts/metrics.libsonnet')(config)
    + (import 'alerts/featurewatch.libsonnet')(config),
  local names = [name for name in std.objectFields(all) if config.alerts[name].enabled],
  // A list, since engines may make the fields of an object anew each time that they are read.
  local alerts = [all[name] for name in names],
  local each(rules) = std.flatMap(rules, alerts),
  local correlated = correlation(config, { [names[i]]: alerts[i] for i in std.range(0, std.length(names) - 1) }),
  local group(name, rules) = {
    name: name,
    interval: config.alerting.evaluation_interval,
    rules: rules,
  },

  // The labels that tell alerts of one name apart.
  featurewatchIdentities:: { [names[i]]: alerts[i].identity for i in std.range(0, std.length(names) - 1) }
                           + { [name]: config.metrics.identity for name in correlated.names },

  // How the receiver sees for itself whether an alert's trouble is over.
  featurewatchChecks:: (import 'checks.libsonnet')(config),

  local began(these, labels={}) = if these == [] then [] else [{
    record: 'featurewatch:alert_start_timestamp_seconds',
    [if labels != {} then 'labels']: labels,
    expr: |||
      # When each firing alert began: its former value, which outlives a restart, or this moment.
      featurewatch:alert_start_timestamp_seconds
        and on (alertname, %(by)s)
      %(firing)s
      or on (alertname, %(by)s)
      time() * group by (alertname, category, %(by)s) (%(firing)s)
    ||| % {
      by: std.join(', ', std.set(std.flatMap(function(name) $.featurewatchIdentities[name], these))),
      firing: 'ALERTS{alertname=~"%s", alertstate="firing", escalation_level="1"}' % std.join('|', these),
    },
  }],

  prometheusRules+:: {
    groups+: [group('featurewatch.rules', recording(config) + each(function(a) a.recordings))],
  },

  prometheusAlerts+:: {
    groups+: if config.alerting.enabled
    then [group(
      'featurewatch.alerts',
      signals(config)
      + each(function(a) a.levels[:1])
      + began(names)
      + each(function(a) a.levels[1:])
      + correlated.rules
      // Theirs anyway, and promtool warns of two rules that it can't tell apart.
      + began(correlated.names, { category: 'correlation' })
    )]
    else [],
  },
}

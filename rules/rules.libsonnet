// Recording rules and thresholds in one group; alerts, then what correlates them, in another:
// rules of a group run in order, so a correlation sees the alerts of the same moment.
local correlation = import 'correlation.libsonnet';
local recording = import 'recording.libsonnet';

{
  local config = $._config.featurewatch,
  local alerts =
    (import 'alerts/latency.libsonnet')(config)
    + (import 'alerts/cache.libsonnet')(config)
    + (import 'alerts/resources.libsonnet')(config)
    + (import 'alerts/errors.libsonnet')(config)
    + (import 'alerts/fallback.libsonnet')(config),
  local pick(kind) = std.flattenArrays([
    alerts[name][kind]
    for name in std.objectFields(alerts)
    if config.alerts[name].enabled
  ]),
  local group(name, rules) = {
    name: name,
    interval: config.alerting.evaluation_interval,
    rules: rules,
  },

  prometheusRules+:: {
    groups+: [group('featurewatch.rules', recording(config) + pick('thresholds'))],
  },

  prometheusAlerts+:: {
    groups+: if config.alerting.enabled
    then [group('featurewatch.alerts', pick('alerts') + correlation(config))]
    else [],
  },
}

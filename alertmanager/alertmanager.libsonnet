local escalation = import '../lib/escalation.libsonnet';
local ours = import '../lib/ours.libsonnet';
local receivers = import 'receivers.libsonnet';

{
  local config = $._config.featurewatch,
  local channels = config.channels,
  local to = receivers.new(config),
  local alerts = [
    rule.labels
    for group in ours($.prometheusAlerts.groups)
    for rule in group.rules
    if std.objectHas(rule, 'alert') && std.objectHas(rule.labels, 'escalation_policy')
  ],
  local email = if !channels.email.enabled then {} else {
    smtp_smarthost: channels.email.smarthost,
    smtp_from: channels.email.from,
    smtp_require_tls: channels.email.require_tls,
  } + if channels.email.username == null then {} else {
    smtp_auth_username: channels.email.username,
    smtp_auth_password_file: channels.email.password_file,
  },
  local slack = if !channels.slack.enabled then {} else {
    slack_api_url_file: channels.slack.api_url_file,
  },

  alertmanagerConfig:: {
    global: email + slack,
    templates: [config.templates_path],
    route: (import 'routes.libsonnet')(config, alerts),
    [if config.routing.time_intervals != {} then 'time_intervals']: [
      { name: name, time_intervals: std.prune(config.routing.time_intervals[name]) }
      for name in std.objectFields(config.routing.time_intervals)
    ],
    inhibit_rules: (import 'inhibition.libsonnet')(config, $.featurewatchIdentities),
    receivers: [if receivers.remediates(config) then to.remediation else { name: receivers.nobody }] + [
      std.prune(to.people(policy, level, resolves))
      for policy in std.objectFields(config.escalation.policies)
      for level in escalation.all(config, policy)
      for resolves in [true] + if receivers.unresolved(alerts, policy, level) then [false] else []
    ],
  },
}

local escalation = import '../lib/escalation.libsonnet';
local ours = import '../lib/ours.libsonnet';
local pruned = import '../lib/pruned.libsonnet';
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
  local blocks = (import 'inhibition.libsonnet')(config, $.featurewatchIdentities),
  // Of each level of each policy, and of the alerts whose end is told to nobody.
  local people = [
    { policy: policy, level: level, resolves: resolves }
    for policy in std.objectFields(config.escalation.policies)
    for level in escalation.all(config, policy)
    for resolves in [true] + if receivers.unresolved(alerts, policy, level) then [false] else []
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

  // What each of the receivers for people is for.
  featurewatchPeople:: {
    [receivers.name(one.policy, one.level.level, one.resolves)]:
      { policy: one.policy, level: std.parseInt(one.level.level), resolved: one.resolves }
    for one in people
  },

  // By the number of the inhibit rule above which it stands: why there are those that follow.
  featurewatchInhibitReasons:: std.foldl(
    function(found, block) {
      next: found.next + std.length(block.rules),
      reasons: found.reasons + (if block.rules == [] then {} else { [std.toString(found.next)]: block.why }),
    },
    blocks,
    { next: 0, reasons: {} }
  ).reasons,

  alertmanagerConfig:: {
    global: email + slack,
    templates: [config.templates_path],
    route: (import 'routes.libsonnet')(config, alerts),
    [if config.routing.time_intervals != {} then 'time_intervals']: [
      { name: name, time_intervals: pruned(config.routing.time_intervals[name]) }
      for name in std.objectFields(config.routing.time_intervals)
    ],
    inhibit_rules: std.flatMap(function(block) block.rules, blocks),
    receivers: [if receivers.remediates(config) then to.remediation else { name: receivers.nobody }] + [
      pruned(to.people(one.policy, one.level, one.resolves))
      for one in people
    ],
  },
}

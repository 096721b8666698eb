local audience = import '../lib/audience.libsonnet';
local incidents = import '../lib/incidents.libsonnet';
local ours = import '../lib/ours.libsonnet';
local pruned = import '../lib/pruned.libsonnet';
local receivers = import 'receivers.libsonnet';
local told = import 'told.libsonnet';

{
  local config = $.featurewatchSettings,
  local channels = config.channels,
  local to = receivers.new(config),
  local alerts = [
    rule.labels { alertname: rule.alert }
    for group in ours($.prometheusAlerts.groups)
    for rule in group.rules
    if std.objectHas(rule, 'alert') && std.objectHas(rule.labels, 'escalation_policy')
  ],
  local blocks = (import 'inhibition.libsonnet')(config, $.featurewatchIdentities),
  // Of those who hear of the same levels of a policy, and of the alerts whose end is told to nobody.
  local ends(one) =
    if receivers.unresolved(alerts, one.policy, one.levels) then [true, false] else [true],
  local people = [
    one { resolves: resolves, name: receivers.ending(one.name, resolves) }
    for policy in std.objectFields(config.escalation.policies)
    for one in [
      set { policy: policy, name: receivers.name(policy, set.levels) }
      for set in audience.of(config, policy)
    ] + std.flatMap(function(group) told(config, group.names, policy).people, incidents(config))
    for resolves in ends(one)
  ],
  local fallback = receivers.fallback(config),
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
    [one.name]: {
      policy: one.policy,
      levels: std.map(std.parseInt, one.levels),
      recipients: std.set(std.flatMap(function(c) audience.recipients(one.addresses, c), audience.channels)),
      resolved: one.resolves,
    }
    for one in people
  } + { [receivers.nobody]: { policy: null, levels: [], recipients: [], resolved: true } },

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
    receivers: (if receivers.remediates(config) then [to.remediation] else [])
               + [{ name: receivers.nobody }]
               + [pruned(to.people(one.name, one.addresses, one.resolves)) for one in people]
               + if std.member([one.name for one in people], fallback) then []
               else [pruned(to.people(fallback, audience.up_to(config, 'default', 1)))],
  },
}

// Everything to the receiver that remediates, then by policy and level to people.
local escalation = import '../lib/escalation.libsonnet';
local pruned = import '../lib/pruned.libsonnet';
local receivers = import 'receivers.libsonnet';

// alerts: the labels of every alert that people are told of.
function(config, alerts)
  local signals = {
    // They tell of the chain and of planned work: nothing that a person should be told.
    receiver: receivers.signals(config),
    matchers: ['alertname=~"%s"' % std.join('|', receivers.signal_names)],
    group_wait: '0s',
    group_interval: config.routing.receiver.group_interval,
    // A heartbeat is no heartbeat at the pace of people.
    repeat_interval: config.routing.receiver.repeat_interval,
  };
  local remediation = config.routing.receiver {
    receiver: receivers.remediation,
    continue: true,
  };
  // The pace of the severities that have one of their own.
  local paces(severities) = [
    { matchers: ['severity="%s"' % severity] } + pruned(config.routing.severities[severity])
    for severity in std.objectFields(config.routing.severities)
    if std.member(severities, severity)
  ];
  local people(policy, level) =
    local told = receivers.told(alerts, policy, level);
    local paced(resolves) = {
      receiver: receivers.name(policy, level.level, resolves),
      routes: paces([l.severity for l in told if std.objectHas(l, 'auto_resolve') != resolves]),
    };
    paced(true) {
      matchers: ['escalation_policy="%s"' % policy, 'escalation_level="%s"' % level.level],
      routes: (
        if receivers.unresolved(alerts, policy, level)
        then [paced(false) { matchers: ['auto_resolve="false"'] }]
        else []
      ) + super.routes,
    };
  local fallback = receivers.name('default', '1');
  pruned(config.routing.people {
    receiver: fallback,
    group_by: ['alertname'] + config.metrics.identity,
    routes: [signals] + (if receivers.remediates(config) then [remediation] else []) + [
      people(policy, level)
      for policy in std.objectFields(config.escalation.policies)
      for level in escalation.all(config, policy)
    ] + [
      // What no policy claims still reaches someone. The root's receiver is not asked once a
      // child matches, and the remediator's route matches everything.
      { receiver: fallback, routes: paces(std.objectFields(config.routing.severities)) },
    ],
  })

// Everything to the receiver that remediates, then by policy and level to people.
local audience = import '../lib/audience.libsonnet';
local escalation = import '../lib/escalation.libsonnet';
local incidents = import '../lib/incidents.libsonnet';
local promql = import '../lib/promql.libsonnet';
local storms = import '../lib/storms.libsonnet';
local pruned = import '../lib/pruned.libsonnet';
local receivers = import 'receivers.libsonnet';
local told = import 'told.libsonnet';

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
  local claims(policy, levels) =
    ['escalation_policy="%s"' % policy, promql.oneOf('escalation_level', levels)];
  local groups = incidents(config);
  local grouped = [storms.name] + std.flatMap(function(group) group.alerts, groups);
  // What a receiver of this name is told of these alerts, at the pace of their severities.
  local paced(name, these) =
    local untold = [l for l in these if std.objectHas(l, 'auto_resolve')];
    (
      if untold == [] then [] else [{
        receiver: receivers.ending(name, false),
        matchers: ['auto_resolve="false"'],
        routes: paces([l.severity for l in untold]),
      }]
    ) + paces([l.severity for l in these if !std.objectHas(l, 'auto_resolve')]);
  // Those that are grouped otherwise than by their name and extractor.
  local apart(name, these, alertnames, by) =
    local mine = [l for l in these if std.member(alertnames, l.alertname)];
    if mine == [] then [] else [{
      matchers: [promql.oneOf('alertname', alertnames)],
      group_by: by,
      routes: paced(name, mine),
    }];
  // instead: the name of another receiver, of an incident.
  local of_set(policy, set, instead=null) =
    local name = if instead == null then receivers.name(policy, set.levels) else instead;
    local these = receivers.told(alerts, policy, set.levels);
    {
      receiver: name,
      matchers: [promql.oneOf('escalation_level', set.levels)],
      // Others may hear of the same level.
      continue: true,
      // An incident and its members are one group: whoever heard of both is told one end.
      routes: std.flatMap(function(group) apart(name, these, group.alerts, config.metrics.identity), groups)
              + paced(name, [l for l in these if !std.member(grouped, l.alertname)]),
    };
  // Storms have no extractor, and each is of another alert.
  local with_storms(policy, set) = of_set(policy, set) {
    local these = receivers.told(alerts, policy, set.levels),
    routes: apart(self.receiver, these, [storms.name], ['alertname', 'of']) + super.routes,
  };
  local before(policy) = std.flatMap(
    function(group) told(config, group.names, policy).routes(
      function(set, instead) of_set(policy, set, instead)
    ),
    groups
  );
  local people(policy) = {
    receiver: receivers.nobody,
    matchers: claims(policy, [level.level for level in escalation.all(config, policy)]),
    routes: before(policy) + [with_storms(policy, set) for set in audience.of(config, policy)],
  };
  local fallback = receivers.fallback(config);
  pruned(config.routing.people {
    receiver: fallback,
    group_by: ['alertname'] + config.metrics.identity,
    routes: [signals] + (if receivers.remediates(config) then [remediation] else []) + [
      people(policy)
      for policy in std.objectFields(config.escalation.policies)
    ] + [
      // What no policy claims still reaches someone. The root's receiver is not asked once a
      // child matches, and the remediator's route matches everything.
      { receiver: fallback, routes: paces(std.objectFields(config.routing.severities)) },
    ],
  })

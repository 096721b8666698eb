// Everything to the receiver that remediates, then by policy and level to people.
local escalation = import '../lib/escalation.libsonnet';
local receivers = import 'receivers.libsonnet';

function(config)
  local policies = std.objectFields(config.escalation.policies);
  local remediation = config.routing.receiver {
    receiver: receivers.remediation,
    continue: true,
  };
  local people(policy, level) = {
    receiver: receivers.name(policy, level.level),
    matchers: ['escalation_policy="%s"' % policy, 'escalation_level="%s"' % level.level],
  };
  local fallback = receivers.name('default', '1');
  config.routing.people {
    receiver: fallback,
    group_by: ['alertname'] + config.metrics.identity,
    routes: (if receivers.remediates(config) then [remediation] else []) + [
      people(policy, level)
      for policy in policies
      for level in escalation.all(config, policy)
    ] + [
      // What no policy claims still reaches someone. The root's receiver is not asked once a
      // child matches, and the remediator's route matches everything.
      { receiver: fallback },
    ],
  }

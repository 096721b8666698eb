// Everything to the receiver that remediates, then by policy and level to people.
local escalation = import '../lib/escalation.libsonnet';
local receivers = import 'receivers.libsonnet';

function(config)
  local policies = std.objectFields(config.escalation.policies);
  local remediates = config.channels.dashboard.enabled || config.responses.enabled;
  local remediation = config.routing.receiver {
    receiver: receivers.remediation,
    continue: true,
  };
  local people(policy, level) = {
    receiver: receivers.name(policy, level.level),
    matchers: ['escalation_policy="%s"' % policy, 'escalation_level="%s"' % level.level],
  };
  config.routing.people {
    // What no policy claims still reaches someone.
    receiver: receivers.name('default', '1'),
    group_by: ['alertname'] + config.metrics.identity,
    routes: (if remediates then [remediation] else []) + [
      people(policy, level)
      for policy in policies
      for level in escalation.levels(config, policy, 99)
    ],
  }

// Selectors of what fires: an incident itself, and its members.
local promql = import '../../lib/promql.libsonnet';

function(config, name)
  local alerts(matchers) = 'ALERTS{alertstate="firing", %s}' % std.join(', ', matchers);
  {
    itself(matchers):: alerts(['alertname="%s"' % name] + matchers),
    members(matchers)::
      alerts([promql.oneOf('alertname', config.correlation.rules[name].members)] + matchers),
    severity(words):: promql.oneOf('severity', words),
    policy(words):: promql.oneOf('escalation_policy', words),
    level(number):: 'escalation_level="%s"' % number,
  }

// What mutes what. An inhibited alert goes to nobody while its source fires.
local escalation = import '../lib/escalation.libsonnet';

function(config)
  local identity = config.metrics.identity;
  local ours = 'escalation_policy=~".+"';
  local critical_over_high = [{
    // Only of one kind of trouble: slow and critically slow, never slow and failing.
    source_matchers: [ours, 'severity="critical"'],
    target_matchers: [ours, 'severity="high"'],
    equal: identity + ['category', 'type'],
  }];
  local most_levels = std.foldl(
    function(most, policy) std.max(most, std.length(escalation.levels(config, policy, 99))),
    std.objectFields(config.escalation.policies),
    1
  );
  local higher_level = [
    {
      source_matchers: ['escalation_level="%d"' % level],
      target_matchers: ['escalation_level=~"%s"' % std.join('|', ['%d' % l for l in std.range(1, level - 1)])],
      equal: ['alertname', 'severity'] + identity,
    }
    for level in std.range(2, most_levels)
  ];
  local correlated = [
    {
      source_matchers: ['alertname="%s"' % name],
      target_matchers: ['alertname=~"%s"' % std.join('|', config.correlation.rules[name].members)],
      equal: identity,
    }
    for name in std.objectFields(config.correlation.rules)
    if config.correlation.enabled && config.correlation.rules[name].enabled
  ];
  critical_over_high + higher_level + correlated

// What mutes what. An inhibited alert goes to nobody while its source fires.
local correlations_of = import '../lib/correlations.libsonnet';
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
    function(most, policy) std.max(most, std.length(escalation.all(config, policy))),
    std.objectFields(config.escalation.policies),
    1
  );
  local up_to(level) = 'escalation_level=~"%s"' % std.join('|', ['%d' % l for l in std.range(1, level)]);
  local higher_level = [
    {
      source_matchers: ['escalation_level="%d"' % level],
      target_matchers: [up_to(level - 1)],
      equal: ['alertname', 'severity'] + identity,
    }
    for level in std.range(2, most_levels)
  ];
  local correlations = correlations_of(config);
  // A correlated alert mutes its members, but never a level that it has not reached itself.
  local over_members = [
    {
      source_matchers: ['alertname="%s"' % name, 'escalation_level="%d"' % level],
      target_matchers: [
        'alertname=~"%s"' % std.join('|', config.correlation.rules[name].members),
        up_to(level),
      ],
      equal: identity,
    }
    for name in correlations
    for level in std.range(1, most_levels)
  ];
  // When a member with a stricter policy joins, the incident goes on under that policy.
  local policies = escalation.strictest(config, std.objectFields(config.escalation.policies));
  local stricter_policy = [
    {
      source_matchers: [
        'category="correlation"',
        'escalation_policy="%s"' % policies[p],
        'escalation_level="%d"' % level,
      ],
      target_matchers: [
        'category="correlation"',
        'escalation_policy=~"%s"' % std.join('|', policies[p + 1:]),
        up_to(level),
      ],
      equal: ['alertname'] + identity,
    }
    for p in std.range(0, std.length(policies) - 2)
    for level in std.range(1, std.length(escalation.all(config, policies[p])))
    if correlations != []
  ];
  critical_over_high + higher_level + over_members + stricter_policy

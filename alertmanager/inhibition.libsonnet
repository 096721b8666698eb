// What mutes what. An inhibited alert goes to nobody while its source fires.
local correlations_of = import '../lib/correlations.libsonnet';
local escalation = import '../lib/escalation.libsonnet';
local severities = import '../lib/severities.libsonnet';

// identities: by alert, the labels that tell alerts of this name apart.
function(config, identities)
  local identity = config.metrics.identity;
  local correlations = correlations_of(config);
  local ours = 'escalation_policy=~".+"';
  local single = if correlations == [] then [] else ['category!="correlation"'];
  local correlated = 'category="correlation"';
  local most_levels = std.foldl(
    function(most, policy) std.max(most, std.length(escalation.all(config, policy))),
    std.objectFields(config.escalation.policies),
    1
  );
  // Planned work mutes its extractors, or everything.
  local maintenance(scope, equal) = {
    source_matchers: ['alertname="FeaturewatchMaintenance"', 'scope="%s"' % scope],
    target_matchers: [ours] + ['%s=~".+"' % label for label in equal],
    [if equal != [] then 'equal']: equal,
  };
  local planned = if config.maintenance == [] then [] else [
    maintenance('all', []),
    maintenance('extractor', identity),
  ];
  local up_to(level) = 'escalation_level=~"%s"' % std.join('|', ['%d' % l for l in std.range(1, level)]);
  local escalates(name) =
    std.member(correlations, name) || escalation.most(config.alerts[name]) > 1;
  local names(labels) = [
    name
    for name in std.objectFields(identities)
    if identities[name] == labels && escalates(name)
  ];
  // Only of one kind of trouble: slow and critically slow, never slow and failing.
  local critical_over_high = [
    {
      local both = ['category=~".+"', 'type=~".+"'] + single,
      source_matchers: [ours, 'severity="critical"', 'escalation_level="%d"' % level] + both,
      target_matchers: [ours, 'severity="high"', up_to(level)] + both,
      equal: identity + ['category', 'type'],
    }
    for level in std.range(1, most_levels)
  ];
  local higher_level = [
    {
      local these = 'alertname=~"%s"' % std.join('|', names(labels)),
      source_matchers: [these, 'escalation_level="%d"' % level],
      target_matchers: [these, up_to(level - 1)],
      equal: ['alertname', 'severity', 'escalation_policy'] + labels,
    }
    for labels in std.set(std.objectValues(identities))
    if names(labels) != []
    for level in std.range(2, most_levels)
  ];
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
  // When a worse member joins, the incident goes on with its severity. Only within one policy:
  // across policies the stricter one wins, and two alerts must never mute each other.
  local worse_severity = [
    {
      source_matchers: [correlated, 'severity="%s"' % severities[s], 'escalation_level="%d"' % level],
      target_matchers: [correlated, 'severity=~"%s"' % std.join('|', severities[s + 1:]), up_to(level)],
      equal: ['alertname', 'escalation_policy'] + identity,
    }
    for s in std.range(0, std.length(severities) - 2)
    for level in std.range(1, most_levels)
    if correlations != []
  ];
  // When a member with a stricter policy joins, the incident goes on under that policy.
  local policies = escalation.strictest(config, std.objectFields(config.escalation.policies));
  local stricter_policy = [
    {
      source_matchers: [
        correlated,
        'escalation_policy="%s"' % policies[p],
        'escalation_level="%d"' % level,
      ],
      target_matchers: [
        correlated,
        'escalation_policy=~"%s"' % std.join('|', policies[p + 1:]),
        up_to(level),
      ],
      equal: ['alertname'] + identity,
    }
    for p in std.range(0, std.length(policies) - 2)
    for level in std.range(1, std.length(escalation.all(config, policies[p])))
    if correlations != []
  ];
  planned + critical_over_high + higher_level + over_members + worse_severity + stricter_policy

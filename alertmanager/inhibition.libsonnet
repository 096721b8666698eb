// What mutes what, in blocks of rules that have one reason, which alertmanager.yaml tells above
// each. An inhibited alert goes to nobody while its source fires.
local cooldowns = import '../lib/cooldowns.libsonnet';
local correlations_of = import '../lib/correlations.libsonnet';
local escalation = import '../lib/escalation.libsonnet';
local promql = import '../lib/promql.libsonnet';
local severities = import '../lib/severities.libsonnet';
local cases = import '../rules/correlation/cases.libsonnet';

local at(level) = 'escalation_level="%d"' % level;
local up_to(level) = promql.oneOf('escalation_level', ['%d' % l for l in std.range(1, level)]);

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
  local maintenance(scope, equal) = {
    source_matchers: ['alertname="FeaturewatchMaintenance"', 'scope="%s"' % scope],
    target_matchers: [ours] + ['%s=~".+"' % label for label in equal],
    [if equal != [] then 'equal']: equal,
  };
  local escalates(name) =
    std.member(correlations, name) || escalation.most(config.alerts[name]) > 1;
  local names(labels) = [
    name
    for name in std.objectFields(identities)
    if identities[name] == labels && escalates(name)
  ];
  local members(name) = promql.oneOf('alertname', config.correlation.rules[name].members);
  local policies = escalation.strictest(config, std.objectFields(config.escalation.policies));
  // What a form of an incident speaks for: a worse or stricter member takes it into another form.
  local spoken(case) = {
    severities: severities[std.find(case.severity, severities)[0]:],
    policies: policies[std.find(case.policy, policies)[0]:],
  };
  local deepest(name, case) = std.foldl(
    std.max,
    [
      std.length(escalation.levels(config, alert.escalation, escalation.most(alert)))
      for alert in [config.alerts[member] for member in config.correlation.rules[name].members]
      if std.member(spoken(case).severities, alert.severity) && std.member(spoken(case).policies, alert.escalation)
    ],
    1
  );
  [
    {
      why: 'Planned work mutes its extractors, or everything.',
      rules: if config.maintenance == [] then [] else [
        maintenance('all', []),
        maintenance('extractor', identity),
      ],
    },
    {
      why: 'Critical mutes high, of one kind of trouble: slow and critically slow, never slow and failing.',
      rules: [
        {
          local both = ['category=~".+"', 'type=~".+"'] + single,
          source_matchers: [ours, 'severity="critical"', at(level)] + both,
          target_matchers: [ours, 'severity="high"', up_to(level)] + both,
          equal: identity + ['category', 'type'],
        }
        for level in std.range(1, most_levels)
      ],
    },
    {
      why: 'What critical muted stays so while only its own cooldown, which is longer, holds it.',
      rules: [
        {
          source_matchers: ['alertname="FeaturewatchCooldown"', 'held="%s"' % name],
          target_matchers: ['alertname="%s"' % name],
          equal: identities[name],
        }
        for name in std.objectFields(cooldowns(config, identities))
      ],
    },
    {
      why: 'A higher level of an alert mutes the lower ones.',
      rules: [
        {
          local these = promql.oneOf('alertname', names(labels)),
          source_matchers: [these, at(level)],
          target_matchers: [these, up_to(level - 1)],
          equal: ['alertname', 'severity', 'escalation_policy'] + labels,
        }
        for labels in std.set(std.objectValues(identities))
        if names(labels) != []
        for level in std.range(2, most_levels)
      ],
    },
    {
      why: 'A correlated alert mutes its members, but never a level that it has not reached itself.',
      rules: [
        {
          source_matchers: ['alertname="%s"' % name, at(level)],
          target_matchers: [members(name), up_to(level)],
          equal: identity,
        }
        for name in correlations
        for level in std.range(1, most_levels)
      ],
    },
    {
      why: |||
        The last level of an incident has nothing above it, and mutes every level of its members: one
        with more levels would page through an incident that somebody has acknowledged. A member that
        is worse or under a stricter policy takes the incident with it, and is muted by that.
      |||,
      rules: [
        {
          source_matchers: [
            'alertname="%s"' % name,
            'severity="%s"' % case.severity,
            'escalation_policy="%s"' % case.policy,
            at(std.length(case.levels)),
          ],
          target_matchers: [
            members(name),
            promql.oneOf('severity', spoken(case).severities),
            promql.oneOf('escalation_policy', spoken(case).policies),
            up_to(deepest(name, case)),
          ],
          equal: identity,
        }
        for name in correlations
        for case in cases(config, name)
        if std.length(case.levels) < deepest(name, case)
      ],
    },
    {
      why: |||
        When a worse member joins, the incident goes on with its severity. Only within one policy:
        across policies the stricter one wins, and two alerts must never mute each other.
      |||,
      rules: [
        {
          source_matchers: [correlated, 'severity="%s"' % severities[s], at(level)],
          target_matchers: [correlated, promql.oneOf('severity', severities[s + 1:]), up_to(level)],
          equal: ['alertname', 'escalation_policy'] + identity,
        }
        for s in std.range(0, std.length(severities) - 2)
        for level in std.range(1, most_levels)
        if correlations != []
      ],
    },
    {
      why: 'When a member with a stricter policy joins, the incident goes on under that policy.',
      rules: [
        {
          source_matchers: [correlated, 'escalation_policy="%s"' % policies[p], at(level)],
          target_matchers: [correlated, promql.oneOf('escalation_policy', policies[p + 1:]), up_to(level)],
          equal: ['alertname'] + identity,
        }
        for p in std.range(0, std.length(policies) - 2)
        for level in std.range(1, std.length(escalation.all(config, policies[p])))
        if correlations != []
      ],
    },
  ]

// What mutes what, in blocks of rules that have one reason, which alertmanager.yaml tells above
// each. An inhibited alert goes to nobody while its source fires.
local cooldowns = import '../lib/cooldowns.libsonnet';
local correlations_of = import '../lib/correlations.libsonnet';
local escalation = import '../lib/escalation.libsonnet';
local promql = import '../lib/promql.libsonnet';
local severities = import '../lib/severities.libsonnet';
local cases = import '../rules/correlation/cases.libsonnet';
local told = import '../rules/correlation/told.libsonnet';
local storms = import '../lib/storms.libsonnet';

local at(level) = 'escalation_level="%d"' % level;
local between(from, level) =
  promql.oneOf('escalation_level', ['%d' % l for l in std.range(from, level)]);
local up_to(level) = between(1, level);

// identities: by alert, the labels that tell alerts of this name apart.
function(config, identities)
  local identity = config.metrics.identity;
  local correlations = correlations_of(config);
  local ours = 'escalation_policy=~".+"';
  local single = if correlations == [] then [] else ['category!="correlation"'];
  local of_many = storms.of(config, identities) != [];
  local of_one = if of_many then ['alertname!="%s"' % storms.name] else [];
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
  // One level of one form. Each form is the source of rules of its own: of two that fire at once
  // Alertmanager 0.30.0 to 0.34.0 takes one for the source of a rule, and forgets the other with it.
  local source(name, case, level) = [
    'alertname="%s"' % name,
    'severity="%s"' % case.severity,
    'escalation_policy="%s"' % case.policy,
    at(level),
  ];
  local muting(source, states, without, targets, levels) = {
    source_matchers: source + [told.matcher(states, without)],
    target_matchers: [promql.oneOf('alertname', targets)] + levels,
    equal: identity,
  };
  // What a level of an incident mutes whatever had been told: every member, but not the one that had.
  local mutes(name, case, level) =
    local all = config.correlation.rules[name].members;
    local states = told.of_members(config, name);
    [muting(source(name, case, level), states, true, all, [])] + [
      muting(source(name, case, level), mine, false, [other for other in all if other != member], [])
      for member in all
      for mine in [[state for state in states if state.alertname == member]]
      if mine != [] && std.length(all) > 1
    ];
  // Of the member that had: what is above the level that was told, and that too once the incident
  // itself has told more under the same policy. deepest: up to which level.
  local mutes_told(name, case, level, deepest) =
    local states = told.of_members(config, name);
    local this = source(name, case, level);
    local levels(state) = std.length([s for s in states if s.alertname == state.alertname]);
    [
      muting(this, [state], false, [state.alertname], [between(state.level + 1, std.min(deepest, levels(state)))])
      for state in states
      if state.level < std.min(deepest, levels(state))
    ] + [
      muting(this, [state], false, [state.alertname], [up_to(state.level)])
      for state in states
      if state.policy == case.policy && state.level < level
    ];
  // By what a milder form of an incident had told.
  local stricter(milder, level) =
    local states = std.flatMap(function(name) told.of_itself(config, name), correlations);
    local under(policies) = promql.oneOf('escalation_policy', policies);
    [{ source_matchers: if states == [] then [] else [told.matcher(states, true)], target_matchers: [under(milder)] }]
    + std.flattenArrays([
      local others = [policy for policy in milder if policy != state.policy];
      local mine = told.matcher([s for s in states if s.policy == state.policy && s.level == state.level]);
      (if others == [] then [] else [{ source_matchers: [mine], target_matchers: [under(others)] }])
      + (if state.level >= level then [] else [{
           source_matchers: [mine],
           target_matchers: [under([state.policy]), 'escalation_level!="%s"' % state.level] + [
             'escalation_level!="%d"' % l
             for l in std.range(1, state.level - 1)
           ],
         }])
      for state in std.set(states, function(state) [state.policy, state.level])
      if std.member(milder, state.policy)
    ]);
  // Severities that an incident may have under a policy.
  local forms_under(policy) = [
    severity
    for severity in severities
    if std.any([
      case.severity == severity && case.policy == policy
      for name in correlations
      for case in cases.of(config, name)
    ])
  ];
  // The incidents that it is a member of.
  local among(name) =
    [incident for incident in correlations if std.member(config.correlation.rules[incident].members, name)];
  local storm(name, alert) = [
    {
      source_matchers: ['alertname="%s"' % storms.name, 'of="%s"' % name, at(level)],
      target_matchers: [promql.oneOf('alertname', [name] + among(name)), up_to(level)]
                       + (if among(name) == [] then [] else ['escalation_policy="%s"' % alert.escalation]),
    }
    for level in std.range(1, std.length(escalation.levels(config, alert.escalation, escalation.most(alert))))
  ];
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
          local both = ['category=~".+"', 'type=~".+"'] + single + of_one,
          source_matchers: [ours, 'severity="critical"', at(level)] + both,
          target_matchers: [ours, 'severity="high"', up_to(level)] + both,
          equal: identity + ['category', 'type'],
        }
        for level in std.range(1, most_levels)
      ] + [
        {
          source_matchers: ['alertname="%s"' % storms.name, 'severity="critical"', at(level)],
          target_matchers: ['alertname="%s"' % storms.name, 'severity="high"', up_to(level)],
          equal: ['category', 'type'],
        }
        for level in std.range(1, most_levels)
        if of_many
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
      why: |||
        A storm mutes the alert of each extractor, and incidents under its policy, up to the level that
        it has reached.
      |||,
      rules: std.flatMap(function(name) storm(name, config.alerts[name]), storms.of(config, identities)),
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
      ] + [
        {
          source_matchers: ['alertname="%s"' % storms.name, at(level)],
          target_matchers: ['alertname="%s"' % storms.name, up_to(level - 1)],
          equal: ['alertname', 'of'],
        }
        for level in std.range(2, most_levels)
        if of_many
      ],
    },
    {
      why: |||
        A correlated alert mutes its members, but never a level that it has not reached itself, nor a
        level of the member that people had been told of before: that speaks on for it. Under the same
        policy the next level of the incident follows that of the member.
      |||,
      rules: [
        muting { target_matchers+: [up_to(level)] }
        for name in correlations
        for case in cases.of(config, name)
        for level in std.range(1, std.length(case.levels))
        for muting in mutes(name, case, level)
      ] + [
        muting
        for name in correlations
        for case in cases.of(config, name)
        for level in std.range(2, std.length(case.levels))
        for muting in mutes_told(name, case, level, level)
      ],
    },
    {
      why: |||
        The last level of an incident has nothing above it, and mutes every level of its members: one
        with more levels would page through an incident that somebody has acknowledged. A member that
        is worse or under a stricter policy takes the incident with it, and is muted by that.
      |||,
      rules: [
        muting
        for name in correlations
        for case in cases.of(config, name)
        if std.length(case.levels) < deepest(name, case)
        for forms in [[
          promql.oneOf('severity', spoken(case).severities),
          promql.oneOf('escalation_policy', spoken(case).policies),
        ]]
        for muting in [
          each { target_matchers+: forms + [up_to(deepest(name, case))] }
          for each in mutes(name, case, std.length(case.levels))
        ] + [
          each { target_matchers+: forms }
          for each in mutes_told(name, case, std.length(case.levels), deepest(name, case))
        ]
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
      why: |||
        When a member with a stricter policy joins, the incident goes on under that policy. What its
        milder form had told, that speaks on for.
      |||,
      rules: [
        muting {
          source_matchers: [correlated, 'severity="%s"' % severity, 'escalation_policy="%s"' % policies[p], at(level)]
                           + super.source_matchers,
          target_matchers: [correlated] + super.target_matchers + [up_to(level)],
          equal: ['alertname'] + identity,
        }
        for p in std.range(0, std.length(policies) - 2)
        for severity in forms_under(policies[p])
        for level in std.range(1, std.length(escalation.all(config, policies[p])))
        for muting in stricter(policies[p + 1:], level)
      ],
    },
  ]

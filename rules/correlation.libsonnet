// Alerts of several categories that begin together become one alert, which mutes them
// (see alertmanager/inhibition.libsonnet) and carries the highest severity among them.
local alert = import '../lib/alert.libsonnet';
local annotations = import '../lib/annotations.libsonnet';
local correlations = import '../lib/correlations.libsonnet';
local duration = import '../lib/duration.libsonnet';
local escalation = import '../lib/escalation.libsonnet';
local promql = import '../lib/promql.libsonnet';
local severities = import '../lib/severities.libsonnet';

function(config, all)
  local q = promql.new(config);
  local vars(name) =
    local rule = config.correlation.rules[name];
    {
      by: q.by,
      activation: q.activation,
      name: name,
      members: std.join('|', rule.members),
      window: duration.seconds(
        local own = std.get(rule, 'window');
        if own != null then own else config.correlation.window
      ),
    };
  local activation(name) = {
    record: q.activation,
    expr: |||
      # When each category of the firing members began, as a Unix time.
      min by (%(by)s, category) (featurewatch:alert_start_timestamp_seconds{alertname=~"%(members)s"})
    ||| % vars(name),
    labels: { correlation: name },
  };
  local strictest = escalation.strictest(config, std.objectFields(config.escalation.policies));
  local together(name, case) = |||
    # Two or more categories began within the window of the first one, or within the window of
    # the last one: an older trouble does not hide two that begin together.
    (
      count by (%(by)s) (
        %(activation)s{correlation="%(name)s"}
          - on (%(by)s) group_left ()
        min by (%(by)s) (%(activation)s{correlation="%(name)s"})
          <= %(window)d
      ) >= 2
      or
      count by (%(by)s) (
        %(activation)s{correlation="%(name)s"}
          - on (%(by)s) group_left ()
        max by (%(by)s) (%(activation)s{correlation="%(name)s"})
          >= -%(window)d
      ) >= 2
      or
      # It is under way, in a milder form: what joins it later belongs to it.
      group by (%(by)s) (ALERTS{alertname="%(name)s", alertstate="firing", escalation_level="1"})
        unless on (%(by)s)
      ALERTS{alertname="%(name)s", alertstate="firing", severity=~"%(severities)s", escalation_policy=~"%(policies)s"}
    )
  ||| % (vars(name) {
           severities: std.join('|', severities[:std.find(case.severity, severities)[0] + 1]),
           policies: std.join('|', strictest[:std.find(case.policy, strictest)[0] + 1]),
         });
  local alerts(matchers) = 'ALERTS{alertstate="firing", %s}' % std.join(', ', matchers);
  local members(name) = 'alertname=~"%s"' % vars(name).members;
  local severity(words) = 'severity=~"%s"' % std.join('|', words);
  local policy(words) = 'escalation_policy=~"%s"' % std.join('|', words);
  local self_at(name, severity, policy, level) = alerts([
    'alertname="%s"' % name,
    'severity="%s"' % severity,
    'escalation_policy="%s"' % policy,
    'escalation_level="%s"' % level,
  ]);
  local clause(operator, series) = '  %s on (%s)\n%s\n' % [operator, q.by, series];

  // It begins with the severity and the policy that are the worst and strictest among its members.
  local begins(name, case) =
    together(name, case)
    + clause('and', alerts([members(name), severity([case.severity])]))
    + clause('and', alerts([members(name), policy([case.policy]), 'escalation_level="1"']))
    + (if case.worse == [] then '' else clause('unless', alerts([members(name), severity(case.worse)])))
    + (if case.stricter == [] then '' else clause('unless', alerts([members(name), policy(case.stricter)])));
  local escalates(name, case, level) =
    '# It escalates when a member does, whose own condition has lasted that long.\n'
    + 'group by (%s) (%s)\n' % [q.by, self_at(name, case.severity, case.policy, '1')]
    + clause('and', alerts([members(name), policy([case.policy]), 'escalation_level="%s"' % level]));
  local lasts(name, case, level) = |||
    or
    # Once begun, it lasts until its last member ends: nobody is told of the same trouble again.
    group by (%(by)s) (%(activation)s{correlation="%(name)s"})
      and on (%(by)s)
    %(itself)s
  ||| % (vars(name) { itself: self_at(name, case.severity, case.policy, level) });

  // What `text` says of each member that fires now.
  local listed(name, text) =
    std.join('', [
      '{{ if %s }}%s{{ end }}' % [
        annotations.samples(q, alerts(['alertname="%s"' % member, 'escalation_level="1"'] + q.same)),
        text(member, all[member]),
      ]
      for member in config.correlation.rules[name].members
      if std.objectHas(all, member)
    ]);
  // The texts are the same in all rules of an incident, and long.
  local texts(name, summary) =
    local settings = config.correlation.rules[name];
    local values = {
      extractor: '{{ $labels.extractor }}',
      window: duration.format(vars(name).window),
    };
    local description = annotations.fill(settings.message, values) + ':'
                        + listed(name, function(member, its) '\n• %s: %s' % [member, its.cited]);
    local value = '{{ $comma := "" }}' + listed(
      name,
      function(member, its) '{{ $comma }}%s %s{{ $comma = ", " }}' % [member, its.cited_value]
    );
    alert.links(config, name, config.metrics.identity) + alert.times(name, q) + {
      summary: summary,
      description: description,
      value: value,
      threshold: 'two kinds of trouble within ' + values.window,
    };
  local rule(name, texts, case, level) =
    local settings = config.correlation.rules[name];
    {
      alert: name,
      expr: (if level.level == '1' then begins(name, case) else escalates(name, case, level.level))
            + lasts(name, case, level.level),
      'for': '0s',
      keep_firing_for: settings.cooldown,
      labels: { category: 'correlation', type: name, severity: case.severity } + alert.resolution(settings),
      annotations: texts,
    } + escalation.at(case.policy, level);

  // Each severity with each policy that members of that severity or a milder one can bring.
  local cases(name) =
    local settings(member) = config.alerts[member];
    local rank(member) = std.find(settings(member).severity, severities)[0];
    local used = [settings(m).severity for m in config.correlation.rules[name].members];
    std.flattenArrays([
      local upTo = [m for m in config.correlation.rules[name].members if settings(m).enabled && rank(m) >= i];
      local policies = escalation.strictest(config, [settings(m).escalation for m in upTo]);
      if std.length(std.set([settings(m).labels.category for m in upTo])) < 2
      then []
      else [
        {
          severity: severities[i],
          worse: [w for w in severities[:i] if std.member(used, w)],
          policy: policies[p],
          stricter: policies[:p],
          levels: escalation.levels(config, policies[p], std.foldl(std.max, [
            escalation.most(settings(m))
            for m in upTo
            if settings(m).escalation == policies[p]
          ], 1)),
        }
        for p in std.range(0, std.length(policies) - 1)
        // The member that brings the severity must not bring a stricter policy.
        if std.length([
          m
          for m in upTo
          if rank(m) == i && !std.member(policies[:p], settings(m).escalation)
        ]) > 0
      ]
      for i in std.range(0, std.length(severities) - 1)
    ]);
  local rules(name, summary) = local shared = texts(name, summary); [activation(name)] + [
    rule(name, shared, case, level)
    for case in cases(name)
    for level in case.levels
  ];
  local incidents = {
    FeatureExtractionLatencyCascade: rules(
      'FeatureExtractionLatencyCascade',
      'Latency, cache or resources of {{ $labels.extractor }} fail together'
    ),
    FeatureExtractionErrorStorm: rules(
      'FeatureExtractionErrorStorm',
      'Errors and fallbacks of {{ $labels.extractor }} rise together'
    ),
  };
  {
    names: correlations(config),
    rules: std.flattenArrays([incidents[name] for name in self.names]),
  }

// What people had been told of an incident's trouble before it began: the worst of its members, or
// its own milder form, at the highest level that had spoken. Whoever heard of that hears on from it
// (see alertmanager/routes.libsonnet).
local duration = import '../../lib/duration.libsonnet';
local escalation = import '../../lib/escalation.libsonnet';
local promql = import '../../lib/promql.libsonnet';
local severities = import '../../lib/severities.libsonnet';
local waits = import '../../lib/waits.libsonnet';
local cases = import 'cases.libsonnet';

local stricter(config, one, other) = escalation.strictest(config, [one, other])[0] == one;

local rank(severity) = std.find(severity, severities)[0];

local derive_members(config, name) = [
  {
    alertname: member,
    severity: alert.severity,
    policy: alert.escalation,
    level: std.parseInt(level.level),
    text: '%s/%s' % [member, level.level],
    own: false,
  }
  for member in config.correlation.rules[name].members
  for alert in [config.alerts[member]]
  if alert.enabled
  for level in escalation.levels(config, alert.escalation, escalation.most(alert))
];

// A form of the incident that a stricter policy may follow.
local of_itself(config, name) =
  local all = cases.of(config, name);
  local strictest = escalation.strictest(config, [case.policy for case in all]);
  [
    {
      alertname: name,
      severity: case.severity,
      policy: case.policy,
      level: std.parseInt(level.level),
      text: '%s/%s/%s/%s' % [name, case.severity, case.policy, level.level],
      own: true,
    }
    for case in all
    if case.policy != strictest[0]
    for level in case.levels
  ];

{
  of_members(config, name):: config.derived.members(name),
  derive_members:: derive_members,
  of_itself: of_itself,

  // As a matcher: one of these states, or none of them.
  matcher(states, without=false)::
    local texts = std.set([state.text for state in states]);
    promql.matcher('told', promql.regex(texts), without),

  // The worst first, and of these what was under the strictest policy, at the highest level.
  states(config, name):: config.derived.states(name),
  derive_states(config, name)::
    local policies = escalation.strictest(config, std.objectFields(config.escalation.policies));
    local order(state) = [
      rank(state.severity),
      std.find(state.policy, policies)[0],
      -state.level,
      // What the incident itself has told, it told for its members.
      if state.own then 0 else 1,
      state.text,
    ];
    std.sort(self.of_members(config, name) + of_itself(config, name), order),

  // Those that say all that this form of the incident would: a worse one is news. It is under the
  // strictest policy of all.
  before(config, name, case):: [
    state
    for state in $.states(config, name)
    if rank(state.severity) <= rank(case.severity)
    if (if state.policy == case.policy then !state.own else stricter(config, case.policy, state.policy))
  ],

  record(config, name)::
    local q = promql.new(config);
    local fires(state) = 'ALERTS{%s}' % std.join(', ', [
      'alertstate="firing"',
      'alertname="%s"' % state.alertname,
      'severity="%s"' % state.severity,
      'escalation_policy="%s"' % state.policy,
      'escalation_level="%d"' % state.level,
      // Not what had been told before it.
    ] + if state.own then ['told!~".+/[%d-9]"' % state.level] else []);
    {
      record: q.told,
      expr: '# What people have been told: its first level has fired for longer than Alertmanager waits.\n'
            + std.join('or on (%s)\n' % q.by, [
              |||
                label_replace(
                  group by (%(by)s) (%(fires)s)%(told)s,
                  "told", "%(text)s", "", ""
                )
              ||| % {
                by: q.by,
                fires: fires(state),
                text: state.text,
                // Those who heard of the level before may hear of a higher one at once.
                told: if state.level > 1 then ''
                else ' and on (%s) %s offset %s' % [q.by, fires(state), waits(config, state.severity)],
              }
              for state in $.states(config, name)
            ]),
      labels: { correlation: name },
    },
}

// How the receiver sees whether an action helped: the value of an alert over the time since then,
// beside its threshold. clients/prometheus.py of the receiver fills in $extractor, $window, and
// $labels.cluster where metrics.identity names a cluster.
local duration = import '../lib/duration.libsonnet';
local escalation = import '../lib/escalation.libsonnet';
local promql = import '../lib/promql.libsonnet';

// judged: by alert, the values that it judges.
function(config, judged)
  local q = promql.new(config);
  local mine = ['extractor=$extractor'] + [
    '%s=~$labels.%s' % [label, label]
    for label in config.metrics.identity
    if label != 'extractor'
  ];
  local checks = {
    [alert.key]: { [value.name]: value for value in alert.value }
    for alert in std.objectKeysValues(judged)
    if alert.value != []
  };
  // Of several alerts about one value the strictest threshold counts.
  local check(name, alerts) =
    local one = checks[alerts[0]][name];
    {
      value: one.query(mine),
      threshold: '%s(featurewatch:threshold{%s})' % [
        if one.breach == 'above' then 'min' else 'max',
        std.join(', ', [promql.oneOf('alert', alerts)] + mine + one.matchers),
      ],
      breach: one.breach,
    };
  local seconds(alerts, key) = [duration.seconds(config.alerts[name][key]) for name in alerts];
  local longest(durations) = std.foldl(std.max, durations, 0);
  local interval = duration.seconds(config.alerting.evaluation_interval);
  local of(alerts, cooldown) = {
    local names = std.set(std.flatMap(function(alert) std.objectFields(checks[alert]), alerts)),
    local window = longest(seconds(alerts, 'window')),
    checks: {
      [name]: check(name, [alert for alert in alerts if std.objectHas(checks[alert], name)])
      for name in names
    },
    // A rate wants a few scrapes.
    min_window: duration.format(4 * interval),
    window: duration.format(std.max(window, 4 * interval)),
    // What was before the cure leaves the window, the cooldown passes, and the rules are evaluated.
    decay: duration.format(
      window + longest(seconds(alerts, 'cooldown') + [duration.seconds(cooldown)]) + 2 * interval
    ),
  };
  {
    alerts: { [name]: of([name], '0s') for name in std.objectFields(checks) } + {
      [rule.key]: of([m for m in rule.value.members if std.objectHas(checks, m)], rule.value.cooldown)
      for rule in std.objectKeysValues(config.correlation.rules)
    },
    // How long after its beginning each level of an alert is due. A correlated one has no clock of
    // its own: it escalates when a member does.
    levels: {
      [alert.key]: [
        level.after
        for level in escalation.levels(config, alert.value.escalation, escalation.most(alert.value))
      ]
      for alert in std.objectKeysValues(config.alerts)
    },
    // Seconds since an extractor was last measured, by the first of these that it has.
    metrics_age: 'time() - (%s)' % std.join(' or ', [
      'max(timestamp(%s))' % q.metric(name, mine)
      for name in [
        'requests_total',
        'snapshot_p95_seconds',
        'snapshot_cache_hit_ratio',
        'snapshot_error_ratio',
        'snapshot_fallback_ratio',
        'queue_depth',
        'cpu_utilization_ratio',
        'memory_utilization_ratio',
      ]
    ]),
  }

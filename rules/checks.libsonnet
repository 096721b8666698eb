// How the receiver sees whether an action helped: the value of an alert over the time since then,
// beside its threshold. clients/prometheus.py of the receiver fills in $extractor, $window, and
// $labels.cluster where metrics.identity names a cluster.
local duration = import '../lib/duration.libsonnet';
local escalation = import '../lib/escalation.libsonnet';
local promql = import '../lib/promql.libsonnet';

function(config)
  local q = promql.new(config);
  local mine = ['extractor=$extractor'] + [
    '%s=~$labels.%s' % [label, label]
    for label in config.metrics.identity
    if label != 'extractor'
  ];
  local rate(metric, by=[], matchers=[]) =
    'sum by (%s) (rate(%s[$window]))' % [std.join(', ', [q.by] + by), q.metric(metric, mine + matchers)];
  local average(metric) = 'max by (%s) (avg_over_time(%s[$window]))' % [q.by, q.metric(metric, mine)];
  local ratio(part, whole, worst, snapshot) = q.orSnapshot(q.share(part, whole), worst, snapshot, mine);
  local requests = rate('requests_total');
  local p95 = {
    value: q.orSnapshot(
      'histogram_quantile(0.95, %s)' % rate('duration_seconds_bucket', ['le']), 'max', 'p95_seconds', mine
    ),
    breach: 'above',
  };
  local checks = {
    FeatureExtractionLatencyCritical: { p95_seconds: p95 },
    FeatureExtractionLatencyHigh: { p95_seconds: p95 },
    FeatureExtractionCacheHitRateLow: { cache_hit_ratio: {
      value: ratio(
        rate('cache_lookups_total', matchers=['result="hit"']), rate('cache_lookups_total'), 'min', 'cache_hit_ratio'
      ),
      breach: 'below',
    } },
    FeatureExtractionErrorRateHigh: { error_ratio: {
      value: ratio(rate('errors_total'), requests, 'max', 'error_ratio'),
      breach: 'above',
    } },
    FeatureExtractionFallbackUsageHigh: { fallback_ratio: {
      value: ratio(rate('fallbacks_total'), requests, 'max', 'fallback_ratio'),
      breach: 'above',
    } },
    FeatureExtractionResourcesCritical: {
      [resource]: {
        value: average(resource + '_utilization_ratio'),
        breach: 'above',
        among: ['resource="%s"' % resource],
      }
      for resource in ['cpu', 'memory']
    },
    FeatureExtractionBatchBacklog: { queue_depth: { value: average('queue_depth'), breach: 'above' } },
  };
  // Of several alerts about one value the strictest threshold counts.
  local check(name, alerts) =
    local one = checks[alerts[0]][name];
    {
      value: one.value,
      threshold: '%s(featurewatch:threshold{%s})' % [
        if one.breach == 'above' then 'min' else 'max',
        std.join(', ', ['alert=~"%s"' % std.join('|', alerts)] + mine + std.get(one, 'among', [])),
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

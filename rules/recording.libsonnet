// The measured values, each computed once for all alerts and panels that read it.
local duration = import '../lib/duration.libsonnet';
local promql = import '../lib/promql.libsonnet';

function(config)
  local q = promql.new(config);
  local windows(alerts) = std.uniq(std.sort([config.alerts[name].window for name in alerts]));
  local counted(record, metric, by=[]) = function(window) {
    record: record(window),
    expr: 'sum by (%s) (rate(%s[%s]))' % [std.join(', ', [q.by] + by), q.metric(metric), window],
  };
  local instances = {
    record: q.instances,
    expr: |||
      # Whatever reports anything that is watched.
      count by (%(by)s) (group by (%(by)s, job, instance) (%(any)s))
    ||| % { by: q.by, any: q.watched() },
  };
  local lastSeen = {
    record: q.lastSeen,
    expr: |||
      time() * group by (%(by)s) (%(instances)s)
      or
      # Its former value, for as long as the alert wants to know.
      last_over_time(%(last_seen)s[1h]) > time() - %(seconds)d
    ||| % {
      by: q.by,
      instances: q.instances,
      last_seen: q.lastSeen,
      seconds: duration.seconds(config.alerts.FeatureExtractionMetricsAbsent.window),
    },
  };
  local requests(window) = {
    record: q.requests(window),
    expr: 'sum by (%s) (increase(%s[%s]))' % [q.by, q.metric('requests_total'), window],
  };
  local p95(window) = {
    record: q.p95(window),
    expr: '# Exact at a bucket bound, and every threshold is one.\n' + q.orSnapshot(
      'histogram_quantile(0.95, %s)' % q.bucketRate(window),
      'max',
      'p95_seconds'
    ),
  };
  local hitRatio(window) = {
    record: q.hitRatio(window),
    expr: q.orSnapshot(
      q.share(
        'sum by (%s) (%s{result="hit"})' % [q.by, q.lookupRate(window)],
        'sum by (%s) (%s)' % [q.by, q.lookupRate(window)]
      ),
      'min',
      'cache_hit_ratio'
    ),
  };
  local ratio(record, metric, snapshot) = function(window) {
    record: record(window),
    expr: q.orSnapshot(
      q.share('sum by (%s) (rate(%s[%s]))' % [q.by, q.metric(metric), window], q.requestRate(window)),
      'max',
      snapshot
    ),
  };
  local worst(record, metric) = function(window) {
    record: record(window),
    expr: |||
      # The worst instance: a mean over instances hides the one that is about to fall over.
      round(max by (%s) (avg_over_time(%s[%s])), 1e-10)
    ||| % [q.by, q.metric(metric), window],
  };
  local each(rule, alerts) = [rule(window) for window in windows(alerts)];

  local latency = ['FeatureExtractionLatencyCritical', 'FeatureExtractionLatencyHigh'];
  local cache = ['FeatureExtractionCacheHitRateLow'];
  local errors = ['FeatureExtractionErrorRateHigh'];
  local fallback = ['FeatureExtractionFallbackUsageHigh'];
  local resources = ['FeatureExtractionResourcesCritical'];
  local backlog = ['FeatureExtractionBatchBacklog'];
  [instances, lastSeen]
  + each(requests, latency + cache + errors + fallback)
  + each(counted(q.requestRate, 'requests_total'), errors + fallback)
  + each(counted(q.bucketRate, 'duration_seconds_bucket', ['le']), latency)
  + each(p95, latency)
  + each(counted(q.lookupRate, 'cache_lookups_total', ['result']), cache)
  + each(hitRatio, cache)
  + each(ratio(q.errorRatio, 'errors_total', 'error_ratio'), errors)
  + each(ratio(q.fallbackRatio, 'fallbacks_total', 'fallback_ratio'), fallback)
  + each(worst(q.queueDepth, 'queue_depth'), backlog)
  + each(worst(function(window) q.utilization('cpu', window), 'cpu_utilization_ratio'), resources)
  + each(worst(function(window) q.utilization('memory', window), 'memory_utilization_ratio'), resources)

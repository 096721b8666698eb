// The measured values, each computed once for all alerts and panels that read it.
local promql = import '../lib/promql.libsonnet';

function(config)
  local q = promql.new(config);
  local windows(alerts) = std.uniq(std.sort([config.alerts[name].window for name in alerts]));
  local rate(metric, window, matchers=[]) =
    'sum by (%s) (rate(%s[%s]))' % [q.by, q.metric(metric, matchers), window];
  // `part` has no series before its first event: its share is then 0, not missing.
  local share(part, whole) = |||
    # Rounded, since floating point would put some values at a threshold a hair beyond it.
    round(
      (
        %(part)s
        # No series yet means that none happened, not that nothing is known.
        or 0 * %(whole)s
      )
      /
      %(whole)s,
      1e-10
    )
  ||| % { part: part, whole: whole };

  local requests(window) = {
    record: q.requests(window),
    expr: 'sum by (%s) (increase(%s[%s]))' % [q.by, q.metric('requests_total'), window],
  };
  local p95(window) = {
    record: q.p95(window),
    expr: |||
      # Exact at a bucket bound, and every threshold is one. Rounded, since floating point would
      # put some values at a threshold a hair beyond it.
      round(histogram_quantile(0.95, sum by (%s, le) (rate(%s[%s]))), 1e-10)
    ||| % [q.by, q.metric('duration_seconds_bucket'), window],
  };
  local hitRatio(window) = {
    record: q.hitRatio(window),
    expr: share(
      rate('cache_lookups_total', window, ['result="hit"']),
      rate('cache_lookups_total', window)
    ),
  };
  local ratio(record, metric) = function(window) {
    record: record(window),
    expr: share(rate(metric, window), rate('requests_total', window)),
  };
  local utilization(resource) = function(window) {
    record: q.utilization(resource, window),
    expr: |||
      # The worst instance: a mean over instances hides the one that is about to fall over.
      round(max by (%s) (avg_over_time(%s[%s])), 1e-10)
    ||| % [q.by, q.metric(resource + '_utilization_ratio'), window],
  };
  local each(rule, alerts) = [rule(window) for window in windows(alerts)];

  local latency = ['FeatureExtractionLatencyCritical', 'FeatureExtractionLatencyHigh'];
  local cache = ['FeatureExtractionCacheHitRateLow'];
  local errors = ['FeatureExtractionErrorRateHigh'];
  local fallback = ['FeatureExtractionFallbackUsageHigh'];
  local resources = ['FeatureExtractionResourcesCritical'];
  each(requests, latency + cache + errors + fallback)
  + each(p95, latency)
  + each(hitRatio, cache)
  + each(ratio(q.errorRatio, 'errors_total'), errors)
  + each(ratio(q.fallbackRatio, 'fallbacks_total'), fallback)
  + each(utilization('cpu'), resources)
  + each(utilization('memory'), resources)

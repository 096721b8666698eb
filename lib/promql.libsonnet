// PromQL fragments that depend on the configuration.
local number = function(x) '%.12g' % x;

// How rules and templates name one alert among its like: by the labels that identify it.
local scope(identity) = {
  by: std.join(', ', identity),
  // Matchers in a printf of a template, and its arguments.
  same: ['%s=%%q' % label for label in identity],
  labels: std.join(' ', ['$labels.' + label for label in identity]),
};

{
  number: number,
  scope: scope,

  // Texts as a regular expression that matches each of them and nothing else. All at once, since
  // there may be a thousand.
  regex(texts)::
    local separator = '\u0001';
    local escaped = std.foldl(
      function(text, char) std.strReplace(text, char, '\\' + char),
      std.stringChars('\\.+*?()|[]{}^$'),
      std.join(separator, texts)
    );
    std.strReplace(escaped, separator, '|'),

  // Unix time at which each firing alert began.
  start(alert, matchers=[])::
    'featurewatch:alert_start_timestamp_seconds{%s}' % std.join(', ', ['alertname="%s"' % alert] + matchers),

  // One object per configuration: `local q = promql.new($._config.featurewatch)`.
  new(config):: scope(config.metrics.identity) {
    local q = self,
    local identity = config.metrics.identity,
    local level = std.join('_', identity),
    local braces(matchers) =
      local all = [m for m in matchers if m != ''];
      if all == [] then '' else '{%s}' % std.join(', ', all),

    // Series of other exporters under the configured selector: q.of('up', ['job="x"']).
    of(series, matchers=[]):: series + braces([config.metrics.selector] + matchers),

    // A metric of the contract: q.metric('requests_total').
    metric(name, matchers=[]):: self.of('feature_extraction_' + name, matchers),

    // Whatever reports anything that is watched: one or more of these metrics.
    watched(matchers=[])::
      local names = 'requests_total|snapshot_.+|queue_depth|cpu_utilization_ratio|memory_utilization_ratio';
      braces(['__name__=~"feature_extraction_(%s)"' % names, config.metrics.selector] + matchers),

    // level:metric:operation, the names of the recording rules.
    local recorded = function(metric, and='') level + and + ':feature_extraction_' + metric,
    instances: recorded('instances:count'),
    lastSeen: recorded('last_seen_timestamp_seconds:max'),
    requests(window):: recorded('requests:increase' + window),
    requestRate(window):: recorded('requests:rate' + window),
    bucketRate(window):: recorded('duration_seconds_bucket:rate' + window, '_le'),
    lookupRate(window):: recorded('cache_lookups:rate' + window, '_result'),
    p95(window):: recorded('duration_seconds:p95_' + window),
    hitRatio(window):: recorded('cache_hits:ratio_rate' + window),
    errorRatio(window):: recorded('errors:ratio_rate' + window),
    fallbackRatio(window):: recorded('fallbacks:ratio_rate' + window),
    queueDepth(window):: recorded('queue_depth:max_avg' + window),
    utilization(resource, window):: recorded('%s_utilization_ratio:max_avg%s' % [resource, window]),
    activation: level + '_category:featurewatch_activation_timestamp_seconds:min',

    local setting(name) = function(alert, matchers=[])
      'featurewatch:%s{%s}' % [name, std.join(', ', ['alert="%s"' % alert] + matchers)],
    threshold: setting('threshold'),
    minRequests: setting('min_requests'),

    // The threshold is one series per extractor, so overrides cost no rules.
    beyond(value, operator, threshold):: |||
      %s
        %s on (%s) group_left ()
      %s
    ||| % [value, operator, self.by, threshold],

    // What a share is of everything; `part` has no series before its first event: it is then 0, not
    // missing.
    share(part, whole):: std.rstripChars(|||
      (
        %(part)s
        # No series yet means that none happened, not that nothing is known.
        or 0 * %(whole)s
      )
      /
      %(whole)s
    ||| % { part: part, whole: whole }, '\n'),

    // A service that can't be instrumented may expose a snapshot of its own figures instead: the
    // worst of its instances counts.
    orSnapshot(expr, worst, snapshot, matchers=[]):: |||
      # Rounded, since floating point would put some values at a threshold a hair beyond it.
      round(
        # Without traffic it is not a number, and less than a snapshot.
        (%(expr)s) >= 0
        or
        %(worst)s by (%(by)s) (%(snapshot)s),
        1e-10
      )
    ||| % {
      expr: std.strReplace(expr, '\n', '\n  '),
      worst: worst,
      by: q.by,
      snapshot: q.metric('snapshot_' + snapshot, matchers),
    },

    withTraffic(expr, window, alert):: expr + |||
      # A share of a few requests says nothing. Of none at all it comes from a snapshot.
        unless on (%s)
      %s > 0 < on (%s) %s
    ||| % [self.by, self.requests(window), self.by, self.minRequests(alert)],
  },
}

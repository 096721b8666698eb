// PromQL fragments that depend on the configuration.
local number = function(x) '%.12g' % x;

{
  number: number,

  // One object per configuration: `local q = promql.new($._config.featurewatch)`.
  new(config):: {
    local identity = config.metrics.identity,
    local level = std.join('_', identity),
    local selector(matchers) =
      local all = [m for m in [config.metrics.selector] + matchers if m != ''];
      if all == [] then '' else '{%s}' % std.join(', ', all),

    by: std.join(', ', identity),
    // Matchers for the alert's own extractor in a printf of a template, and its arguments.
    same: ['%s=%%q' % label for label in identity],
    labels: std.join(' ', ['$labels.' + label for label in identity]),

    // A metric of the exporter under the configured selector: q.metric('requests_total').
    metric(name, matchers=[]):: 'feature_extraction_' + name + selector(matchers),

    // Any of several metrics; of one, the metric itself.
    anyOf(names, matchers=[])::
      if std.length(names) == 1 then self.metric(names[0], matchers)
      else
        local pattern = std.join('|', ['feature_extraction_' + name for name in names]);
        selector(['__name__=~"%s"' % pattern] + matchers),

    // level:metric:operation, the names of the recording rules.
    requests(window):: level + ':feature_extraction_requests:increase' + window,
    p95(window):: level + ':feature_extraction_duration_seconds:p95_' + window,
    hitRatio(window):: level + ':feature_extraction_cache_hits:ratio_rate' + window,
    errorRatio(window):: level + ':feature_extraction_errors:ratio_rate' + window,
    fallbackRatio(window):: level + ':feature_extraction_fallbacks:ratio_rate' + window,
    utilization(resource, window)::
      level + ':feature_extraction_%s_utilization_ratio:max_avg%s' % [resource, window],
    activation: level + '_category:featurewatch_activation_timestamp_seconds:min',

    threshold(alert, matchers=[])::
      'featurewatch:threshold{%s}' % std.join(', ', ['alert="%s"' % alert] + matchers),

    // The threshold is one series per extractor, so overrides cost no rules.
    beyond(value, operator, threshold):: |||
      %s
        %s on (%s) group_left ()
      %s
    ||| % [value, operator, self.by, threshold],

    withTraffic(expr, window, minRequests)::
      if minRequests == 0 then expr
      else expr + |||
        # A share of a few requests says nothing.
          and on (%s)
        %s >= %d
      ||| % [self.by, self.requests(window), minRequests],
  },
}

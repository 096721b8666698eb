local alert = import '../../lib/alert.libsonnet';
local promql = import '../../lib/promql.libsonnet';
local values = import '../../lib/values.libsonnet';

function(config, name)
  local q = promql.new(config);
  local window = config.alerts.FeatureExtractionLatencyCritical.window;
  alert.new(config, name, {
    summary: 'The latency of {{ $labels.extractor }} is not known',
    expr: |||
      # Requests come, and no p95 of them.
      sum by (%(by)s) (increase(%(requests)s[%(window)s])) > 0
        unless on (%(by)s)
      %(p95)s
    ||| % {
      by: q.by,
      requests: q.metric('requests_total'),
      window: window,
      p95: values.p95(config).series(window),
    },
    values: { value: 'requests without a duration', threshold: 'a histogram of the durations' },
  })

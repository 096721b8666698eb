local alert = import '../../lib/alert.libsonnet';
local promql = import '../../lib/promql.libsonnet';

function(config, name)
  local q = promql.new(config);
  local latency = ['FeatureExtractionLatencyCritical', 'FeatureExtractionLatencyHigh'];
  local buckets = q.bucketRate(config.alerts.FeatureExtractionLatencyCritical.window);
  alert.new(config, name, {
    identity: config.metrics.identity + ['alert', 'le'],
    summary: 'A latency threshold of {{ $labels.extractor }} is no bucket bound',
    expr: |||
      # Thresholds of the extractors that have a histogram, as text.
      count_values by (alert, %(by)s) ("le", featurewatch:threshold{alert=~"%(alerts)s"})
        * on (%(by)s) group_left ()
      group by (%(by)s) (%(all)s)
        unless on (%(by)s, le)
      %(buckets)s
        unless on (%(by)s, le)
      # The bound "1.0" is the threshold 1.
      label_replace(%(buckets)s{le=~".+[.]0"}, "le", "$1", "le", "(.+)[.]0")
    ||| % {
      by: q.by,
      alerts: std.join('|', latency),
      all: buckets + '{le="+Inf"}',
      buckets: buckets,
    },
    values: { value: '{{ $labels.le }} s', threshold: 'a bound of the histogram' },
  })

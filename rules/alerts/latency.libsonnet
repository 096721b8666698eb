local alert = import '../../lib/alert.libsonnet';
local promql = import '../../lib/promql.libsonnet';

function(config)
  local q = promql.new(config);
  local latency(name, summary) =
    alert.single(config, name, summary, q.p95(config.alerts[name].window), '>', 'humanizeDuration');
  {
    FeatureExtractionLatencyCritical: latency(
      'FeatureExtractionLatencyCritical',
      'Feature extraction of {{ $labels.extractor }} is critically slow'
    ),
    FeatureExtractionLatencyHigh: latency(
      'FeatureExtractionLatencyHigh',
      'Feature extraction of {{ $labels.extractor }} is slower than required'
    ),
  }

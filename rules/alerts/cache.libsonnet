local alert = import '../../lib/alert.libsonnet';
local promql = import '../../lib/promql.libsonnet';

function(config)
  local name = 'FeatureExtractionCacheHitRateLow';
  {
    [name]: alert.single(
      config,
      name,
      'The feature cache of {{ $labels.extractor }} misses too often',
      promql.new(config).hitRatio(config.alerts[name].window),
      '<',
      'humanizePercentage'
    ),
  }

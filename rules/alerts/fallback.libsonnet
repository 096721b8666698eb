local alert = import '../../lib/alert.libsonnet';
local promql = import '../../lib/promql.libsonnet';

function(config)
  local name = 'FeatureExtractionFallbackUsageHigh';
  {
    [name]: alert.single(
      config,
      name,
      '{{ $labels.extractor }} answers too often with fallback features',
      promql.new(config).fallbackRatio(config.alerts[name].window),
      '>',
      'humanizePercentage'
    ),
  }

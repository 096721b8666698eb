local alert = import '../../lib/alert.libsonnet';
local promql = import '../../lib/promql.libsonnet';

function(config)
  local name = 'FeatureExtractionErrorRateHigh';
  {
    [name]: alert.single(
      config,
      name,
      'Feature extraction of {{ $labels.extractor }} fails too often',
      promql.new(config).errorRatio(config.alerts[name].window),
      '>',
      'humanizePercentage'
    ),
  }

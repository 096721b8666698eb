local alert = import '../../lib/alert.libsonnet';
local promql = import '../../lib/promql.libsonnet';

function(config)
  local name = 'FeatureExtractionBatchBacklog';
  {
    [name]: alert.single(
      config,
      name,
      'Work waits too long for {{ $labels.extractor }}',
      promql.new(config).queueDepth(config.alerts[name].window),
      '>',
      'humanize',
      traffic=false
    ),
  }

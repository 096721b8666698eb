local alert = import '../../lib/alert.libsonnet';
local values = import '../../lib/values.libsonnet';

function(config, name)
  alert.single(config, name, '{{ $labels.extractor }} answers too often with fallback features', values.share(config, {
    name: 'fallback_ratio',
    means: 'fallbacks, of all extractions',
    record: 'fallbacks',
    part: 'fallbacks_total',
    bad: 'requests got fallback features',
    snapshot: 'fallback_ratio',
    panel: {
      title: 'Fallback ratio',
      description: "Answers without the model's features, of all.",
      unit: 'percentunit',
      place: 60,
    },
  }))

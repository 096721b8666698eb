local alert = import '../../lib/alert.libsonnet';
local values = import '../../lib/values.libsonnet';

function(config, name)
  alert.single(config, name, 'Feature extraction of {{ $labels.extractor }} fails too often', values.share(config, {
    name: 'error_ratio',
    means: 'errors, of all extractions',
    record: 'errors',
    part: 'errors_total',
    bad: 'requests failed',
    snapshot: 'error_ratio',
    panel: {
      title: 'Error ratio',
      description: 'Extractions that raised an exception, of all.',
      unit: 'percentunit',
      place: 50,
    },
  }))

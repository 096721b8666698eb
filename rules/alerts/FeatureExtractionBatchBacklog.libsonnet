local alert = import '../../lib/alert.libsonnet';
local values = import '../../lib/values.libsonnet';

function(config, name)
  alert.single(config, name, 'Work waits too long for {{ $labels.extractor }}', values.gauge(config, {
    name: 'queue_depth',
    means: 'items that wait, in the fullest instance',
    metric: 'queue_depth',
    format: 'humanize',
    panel: { title: 'Waiting items', description: 'In the fullest instance.', unit: 'short', place: 80 },
  }))

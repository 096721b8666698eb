local alert = import '../../lib/alert.libsonnet';
local values = import '../../lib/values.libsonnet';

function(config, name)
  alert.single(
    config, name, 'Feature extraction of {{ $labels.extractor }} is slower than required', values.p95(config)
  )

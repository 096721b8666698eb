local alert = import '../../lib/alert.libsonnet';
local values = import '../../lib/values.libsonnet';

function(config, name)
  alert.single(config, name, 'The feature cache of {{ $labels.extractor }} misses too often', values.share(config, {
    name: 'cache_hit_ratio',
    means: 'cache hits, of all lookups',
    record: 'cache_hits',
    part: 'cache_lookups_total',
    of_part: ['result="hit"'],
    whole: 'cache_lookups_total',
    bad: 'lookups missed',
    breach: 'below',
    snapshot: 'cache_hit_ratio',
    panel: {
      title: 'Cache hit ratio',
      description: 'Too low below the line.',
      unit: 'percentunit',
      max: 1,
      place: 20,
    },
  }))

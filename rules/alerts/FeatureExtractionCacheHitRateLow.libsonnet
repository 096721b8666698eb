local alert = import '../../lib/alert.libsonnet';
local promql = import '../../lib/promql.libsonnet';
local values = import '../../lib/values.libsonnet';

local hits = 'result="hit"';

function(config, name)
  local q = promql.new(config);
  local lookups(window) = q.recorded('cache_lookups:rate' + window, '_result');
  local ratio = values.share(config, {
    name: 'cache_hit_ratio',
    means: 'cache hits, of all lookups',
    record: 'cache_hits',
    part: 'cache_lookups_total',
    of_part: [hits],
    whole: 'cache_lookups_total',
    breach: 'below',
    snapshot: 'cache_hit_ratio',
    panel: {
      title: 'Cache hit ratio',
      description: 'Too low below the line.',
      unit: 'percentunit',
      max: 1,
      place: 20,
    },
  }) {
    // Part and whole come from one recorded rate.
    records(window):: [
      values.rate(q, lookups(window), 'cache_lookups_total', window, ['result']),
      self.recording(
        window,
        'sum by (%s) (%s{%s})' % [q.by, lookups(window), hits],
        'sum by (%s) (%s)' % [q.by, lookups(window)]
      ),
    ],
  };
  alert.single(config, name, 'The feature cache of {{ $labels.extractor }} misses too often', ratio)

local alert = import '../../lib/alert.libsonnet';
local promql = import '../../lib/promql.libsonnet';

function(config, name)
  local q = promql.new(config);
  alert.new(config, name, {
    identity: ['job', 'instance'],
    summary: '{{ $labels.instance }} can not be scraped',
    expr: 'max by (job, instance) (%s) == 0' % q.of('up', [promql.matcher('job', config.metrics.job)]),
    values: { value: 'down', threshold: 'up' },
  })

local alert = import '../../lib/alert.libsonnet';
local promql = import '../../lib/promql.libsonnet';
local remediates = (import '../../alertmanager/receivers.libsonnet').remediates;

function(config, name)
  local up = 'up{%s}' % promql.matcher('job', config.metrics.receiver_job);
  alert.new(config, name, {
    exists: remediates(config),
    identity: ['job', 'instance'],
    summary: 'The featurewatch receiver can not be scraped',
    expr: |||
      max by (job, instance) (%s) == 0
      or
      # No receiver is scraped at all, and so none has a job.
      group (absent(%s))
    ||| % [up, up],
    values: { value: 'down', threshold: 'up' },
  })

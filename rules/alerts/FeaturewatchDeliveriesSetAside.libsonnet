local alert = import '../../lib/alert.libsonnet';
local promql = import '../../lib/promql.libsonnet';
local remediates = (import '../../alertmanager/receivers.libsonnet').remediates;

function(config, name)
  alert.new(config, name, {
    exists: remediates(config),
    identity: ['job'],
    summary: 'The receiver could not apply what it was sent',
    expr: |||
      # Receivers that share a database count the same ones.
      max by (job) (featurewatch_receiver_inbox_set_aside_deliveries{%s}) > 0
    ||| % promql.matcher('job', config.metrics.receiver_job),
    values: { value: '{{ $value }}', threshold: '0' },
  })

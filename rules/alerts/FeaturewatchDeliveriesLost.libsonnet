local alert = import '../../lib/alert.libsonnet';
local annotations = import '../../lib/annotations.libsonnet';
local promql = import '../../lib/promql.libsonnet';
local remediates = (import '../../alertmanager/receivers.libsonnet').remediates;

function(config, name)
  // Of muted alerts nothing is delivered: to find those is no loss.
  local found(matcher) =
    'increase(featurewatch_receiver_reconciled_total{%s, difference!~"muted_.*"}[%s])'
    % [matcher, config.alerts[name].window];
  alert.new(config, name, {
    exists: remediates(config),
    identity: ['job'],
    summary: 'Alerts get lost on their way to the receiver',
    expr: |||
      # Something was repaired all the time, and not once after an outage.
      sum by (job) (%s) > 0
    ||| % found(promql.matcher('job', config.metrics.receiver_job)),
    values: {
      value: annotations.listed(
        annotations.samples({ labels: '$labels.job' }, 'sum by (difference) (%s) > 0' % found('job=%q')),
        'difference',
        '{{ .Labels.difference }}'
      ),
      threshold: 'none',
    },
  })

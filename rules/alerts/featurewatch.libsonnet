// The parts of featurewatch itself.
local alert = import '../../lib/alert.libsonnet';

local remediates = (import '../../alertmanager/receivers.libsonnet').remediates;

function(config)
  local up = 'up{job=~"%s"}' % config.metrics.receiver_job;
  if !remediates(config) then {} else {
    FeaturewatchRemediationFailed:
      local name = 'FeaturewatchRemediationFailed';
      alert.new(config, name, {
        identity: ['action', 'outcome'],
        summary: 'The remediation {{ $labels.action }} did not succeed',
        expr: |||
          sum by (action, outcome) (
            increase(featurewatch_receiver_remediations_total{outcome=~"failed|timed_out"}[%s])
          ) > 0
        ||| % config.alerts[name].window,
        values: { value: '{{ $labels.outcome }}', threshold: 'succeeded' },
      }),

    FeaturewatchReceiverDown:
      alert.new(config, 'FeaturewatchReceiverDown', {
        identity: ['job', 'instance'],
        summary: 'The featurewatch receiver can not be scraped',
        expr: |||
          max by (job, instance) (%s) == 0
          or
          # No receiver is scraped at all.
          absent(%s)
        ||| % [up, up],
        values: { value: 'down', threshold: 'up' },
      }),
  }

// The parts of featurewatch itself.
local alert = import '../../lib/alert.libsonnet';
local annotations = import '../../lib/annotations.libsonnet';

local remediates = (import '../../alertmanager/receivers.libsonnet').remediates;

function(config)
  local up = 'up{job=~"%s"}' % config.metrics.receiver_job;
  if !remediates(config) then {} else {
    FeaturewatchRemediationFailed:
      local name = 'FeaturewatchRemediationFailed';
      local window = config.alerts[name].window;
      local ended(matchers) = 'increase(featurewatch_receiver_remediations_total{%s}[%s])' % [
        std.join(', ', matchers),
        window,
      ];
      local tried = annotations.samples(
        { labels: '$labels.extractor' },
        // One label of both, by which they are put in order.
        'label_join(sum by (action, outcome) (%s) > 0, "tried", " ", "action", "outcome")'
        % ended(['extractor=%q', 'outcome!~"skipped|cancelled"'])
      );
      alert.new(config, name, {
        identity: ['extractor'],
        summary: '{{ $labels.extractor }} was not mended',
        expr: |||
          sum by (extractor) (%s) > 0
        ||| % ended(['outcome=~"failed|timed_out|in_doubt|ineffective"']),
        values: {
          value: '{{ range $i, $one := %s | sortByLabel "tried" }}{{ if $i }}, {{ end }}{{ $one.Labels.tried }}{{ end }}' % tried,
          threshold: 'effective',
        },
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

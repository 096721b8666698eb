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

    FeaturewatchDeliveriesSetAside:
      alert.new(config, 'FeaturewatchDeliveriesSetAside', {
        identity: ['job'],
        summary: 'The receiver could not apply what it was sent',
        expr: |||
          # Receivers that share a database count the same ones.
          max by (job) (featurewatch_receiver_inbox_set_aside_deliveries{job=~"%s"}) > 0
        ||| % config.metrics.receiver_job,
        values: { value: '{{ $value }}', threshold: '0' },
      }),

    FeaturewatchDeliveriesLost:
      local name = 'FeaturewatchDeliveriesLost';
      // Of muted alerts nothing is delivered: to find those is no loss.
      local found(matcher) =
        'increase(featurewatch_receiver_reconciled_total{%s, difference!~"muted_.*"}[%s])'
        % [matcher, config.alerts[name].window];
      alert.new(config, name, {
        identity: ['job'],
        summary: 'Alerts get lost on their way to the receiver',
        expr: |||
          # Something was repaired all the time, and not once after an outage.
          sum by (job) (%s) > 0
        ||| % found('job=~"%s"' % config.metrics.receiver_job),
        values: {
          value: '{{ range $i, $one := %s | sortByLabel "difference" }}{{ if $i }}, {{ end }}{{ $one.Labels.difference }}{{ end }}'
                 % annotations.samples(
                   { labels: '$labels.job' },
                   'sum by (difference) (%s) > 0' % found('job=%q')
                 ),
          threshold: 'none',
        },
      }),
  }

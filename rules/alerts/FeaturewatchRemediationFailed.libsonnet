local alert = import '../../lib/alert.libsonnet';
local annotations = import '../../lib/annotations.libsonnet';
local remediates = (import '../../alertmanager/receivers.libsonnet').remediates;

function(config, name)
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
    exists: remediates(config),
    identity: ['extractor'],
    summary: '{{ $labels.extractor }} was not fixed',
    expr: |||
      sum by (extractor) (%s) > 0
    ||| % ended(['outcome=~"failed|timed_out|in_doubt|ineffective"']),
    values: {
      value: annotations.listed(tried, 'tried', '{{ .Labels.tried }}'),
    },
  })

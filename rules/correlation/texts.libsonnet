// What an incident says: the same at all of its severities, policies and levels.
local alert = import '../../lib/alert.libsonnet';
local annotations = import '../../lib/annotations.libsonnet';
local gone = import '../../lib/gone.libsonnet';
local promql = import '../../lib/promql.libsonnet';
local window = import 'window.libsonnet';

local value = '{{ if eq .Labels.unit "seconds" }}{{ .Value | humanizeDuration }}'
              + '{{ else if eq .Labels.unit "ratio" }}{{ .Value | humanizePercentage }}'
              + '{{ else }}{{ .Value | humanize }}{{ end }}';

function(config, name, summary)
  local q = promql.new(config);
  local span = window(config, name);
  local measured = annotations.samples(
    q, '%s{%s}' % [q.memberValue, std.join(', ', ['correlation="%s"' % name] + q.same)]
  );
  alert.links(config, name, config.metrics.identity) + alert.times(name, q) + {
    summary: summary,
    description: annotations.fill(config.correlation.rules[name].message, {
      extractor: '{{ $labels.extractor }}',
      window: span,
    }),
    value: annotations.listed(measured, 'member', '{{ .Labels.member }} ' + value, gone.since(config)),
  }

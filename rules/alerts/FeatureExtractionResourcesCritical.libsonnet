local alert = import '../../lib/alert.libsonnet';
local annotations = import '../../lib/annotations.libsonnet';
local gone = import '../../lib/gone.libsonnet';
local promql = import '../../lib/promql.libsonnet';
local values = import '../../lib/values.libsonnet';

local resource(config, name, means, title, place) = values.gauge(config, {
  name: name,
  means: means,
  metric: name + '_utilization_ratio',
  format: 'humanizePercentage',
  matchers: ['resource="%s"' % name],
  panel: {
    title: title,
    description: "Of the container's limit, in the worst instance.",
    unit: 'percentunit',
    around: 1,
    place: place,
  },
});

function(config, name)
  local q = promql.new(config);
  local window = config.alerts[name].window;
  local both = [
    resource(config, 'cpu', 'CPU in use, of the busiest instance', 'CPU', 30),
    resource(config, 'memory', 'memory in use, of the fullest instance', 'Memory', 40),
  ];
  local latest(selector) = annotations.first(q, selector, 'humanizePercentage');
  local threshold(value, matchers=[]) = q.threshold(name, value.matchers + matchers);
  local measured = [latest('%s{%s}' % [value.series(window), std.join(', ', q.same)]) for value in both];
  alert.new(config, name, {
    judges: both,
    summary: '{{ $labels.extractor }} is out of CPU or memory',
    expr: std.join('or\n', [
      q.beyond(value.series(window), '>', threshold(value))
      for value in both
    ]),
    values: {
      cpu: measured[0],
      memory: measured[1],
      value: gone.value(config, 'CPU %s, memory %s' % measured),
      threshold: 'CPU %s, memory %s' % [
        gone.known(config, threshold(value, q.same), 'humanizePercentage')
        for value in both
      ],
    },
    recordings: [
      alert.threshold(config, name, function(t) t[value.name], { resource: value.name })
      for value in both
    ],
  })

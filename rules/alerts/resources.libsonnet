local alert = import '../../lib/alert.libsonnet';
local annotations = import '../../lib/annotations.libsonnet';
local promql = import '../../lib/promql.libsonnet';

local resources = ['cpu', 'memory'];

function(config)
  local name = 'FeatureExtractionResourcesCritical';
  local q = promql.new(config);
  local window = config.alerts[name].window;
  local threshold(resource, matchers=[]) = q.threshold(name, ['resource="%s"' % resource] + matchers);
  local latest(selector) = annotations.first(q, selector, 'humanizePercentage');
  local of(series) = '%s{%s}' % [series, std.join(', ', q.same)];
  local cpu = latest(of(q.utilization('cpu', window)));
  local memory = latest(of(q.utilization('memory', window)));
  {
    [name]: alert.new(config, name, {
      summary: '{{ $labels.extractor }} is out of CPU or memory',
      expr: std.join('or\n', [
        q.beyond(q.utilization(resource, window), '>', threshold(resource))
        for resource in resources
      ]),
      values: {
        cpu: cpu,
        memory: memory,
        value: 'CPU %s, memory %s' % [cpu, memory],
        threshold: 'CPU %s, memory %s' % [
          latest(threshold(resource, q.same))
          for resource in resources
        ],
      },
      recordings: [
        alert.threshold(config, name, function(t) t[resource], { resource: resource })
        for resource in resources
      ],
    }),
  }

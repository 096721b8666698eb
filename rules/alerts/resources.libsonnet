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
    [name]: {
      thresholds: std.flattenArrays([
        alert.thresholds(
          config,
          name,
          // Not of requests: a process that measures resources need not serve any.
          [r + '_utilization_ratio' for r in resources],
          function(t) t[resource],
          { resource: resource }
        )
        for resource in resources
      ]),
      alerts: alert.rules(
        config,
        name,
        '{{ $labels.extractor }} is out of CPU or memory',
        std.join('or\n', [
          q.beyond(q.utilization(resource, window), '>', threshold(resource))
          for resource in resources
        ]),
        {
          cpu: cpu,
          memory: memory,
          value: 'CPU %s, memory %s' % [cpu, memory],
          threshold: 'CPU %s, memory %s' % [
            latest(threshold(resource, q.same))
            for resource in resources
          ],
        }
      ),
    },
  }

local alert = import '../../lib/alert.libsonnet';
local promql = import '../../lib/promql.libsonnet';

function(config, name)
  local q = promql.new(config);
  local window = config.alerts[name].window;
  local up = q.of('up', [promql.matcher('job', config.metrics.job)]);
  alert.new(config, name, {
    identity: ['job', 'instance'],
    summary: '{{ $labels.instance }} can not be scraped',
    expr: |||
      max by (job, instance) (%(up)s) == 0
      or
      # More scrapes fail than not, and the last ones are among them.
      max by (job, instance) (avg_over_time(%(up)s[%(window)s])) < 0.5
        and on (job, instance)
      max by (job, instance) (min_over_time(%(up)s[2m])) == 0
        and on (job, instance)
      %(up)s offset %(window)s
    ||| % { up: up, window: window },
    values: {
      value: '{{ if $value }}{{ $value | humanizePercentage }} of scrapes succeed{{ else }}down{{ end }}',
      threshold: 'up',
    },
  })

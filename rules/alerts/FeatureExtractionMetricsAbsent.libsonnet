local alert = import '../../lib/alert.libsonnet';
local annotations = import '../../lib/annotations.libsonnet';
local duration = import '../../lib/duration.libsonnet';
local promql = import '../../lib/promql.libsonnet';

function(config, name)
  local q = promql.new(config);
  alert.new(config, name, {
    summary: 'No metrics of {{ with $labels.extractor }}{{ . }}{{ else }}any feature extractor{{ end }}',
    expr: |||
      # Measured within %(window)s, and no more.
      %(last_seen)s > time() - %(seconds)d
        unless on (%(by)s)
      %(instances)s
      or
      # None was measured, as far as is known: the service or its scrape job is missing.
      absent(%(instances)s)
        unless on ()
      %(last_seen)s > time() - %(seconds)d
    ||| % {
      by: q.by,
      instances: q.instances,
      last_seen: q.lastSeen,
      window: config.alerts[name].window,
      seconds: duration.seconds(config.alerts[name].window),
    },
    values: {
      extractor: '{{ with $labels.extractor }}{{ . }}{{ else }}(any){{ end }}',
      value: '{{ with $labels.extractor }}last seen %s{{ else }}none{{ end }}'
             % annotations.time(q, '%s{%s}' % [q.lastSeen, std.join(', ', q.same)]),
      threshold: 'metrics at every scrape',
    },
  })

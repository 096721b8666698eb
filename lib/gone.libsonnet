// An extractor that is no longer measured: what was in trouble when its metrics ceased is in trouble
// for all that is known, until it is measured again or forgotten.
local annotations = import 'annotations.libsonnet';
local duration = import 'duration.libsonnet';
local promql = import 'promql.libsonnet';

// How long an extractor is remembered.
local remembered(config) = config.alerts.FeatureExtractionMetricsAbsent.window;

{
  // What is beyond its threshold, with its value; -1, which nothing measures, where the metrics are
  // gone. Not NaN, which VictoriaMetrics takes for no sample.
  breach(config, name, expr)::
    local q = promql.new(config);
    {
      record: 'featurewatch:breach',
      expr: |||
        %(expr)s
        or
        # Its metrics are gone: its former state, until it is measured again or forgotten.
        0 * max by (%(by)s) (%(former)s) - 1
          unless on (%(by)s)
        %(instances)s
          and on (%(by)s)
        %(last_seen)s > time() - %(seconds)d
      ||| % {
        expr: expr,
        by: q.by,
        former: q.breach(name),
        instances: q.instances,
        last_seen: q.lastSeen,
        seconds: duration.seconds(remembered(config)),
      },
      labels: { alert: name },
    },

  // Those of which nobody knows whether they are over.
  unknown(config, name)::
    local q = promql.new(config);
    |||
      # Nobody knows that it is over: its metrics are gone.
      %s unless on (%s) %s
    ||| % [q.breach(name), q.by, q.instances],

  since(config)::
    local q = promql.new(config);
    'not measured since ' + annotations.time(q, '%s{%s}' % [q.lastSeen, std.join(', ', q.same)]),

  // A value of the alert, or since when there is none.
  value(config, written)::
    '{{ if lt $value 0.0 }}%s{{ else }}%s{{ end }}' % [self.since(config), written],

  // A recorded series that ceases with the metrics, or what it was last.
  known(config, selector, format)::
    local q = promql.new(config);
    annotations.first(
      q,
      selector,
      format,
      annotations.first(q, 'last_over_time(%s[%s])' % [selector, remembered(config)], format)
    ),
}

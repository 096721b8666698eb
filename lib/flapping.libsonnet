// What begins again and again, with pauses that are longer than its cooldown, is one trouble: from its
// last beginning on it is one alert, until it has been quiet for longer than such pauses last.
local annotations = import 'annotations.libsonnet';
local duration = import 'duration.libsonnet';
local promql = import 'promql.libsonnet';

// vmalert reads what it has recorded some evaluations later, and until then an alert begins anew at
// each. What has stood for a while is a beginning; each stands for its cooldown at least.
local settled(config, start, window) =
  local interval = config.alerting.evaluation_interval;
  if config.rules.engine == 'prometheus' then '%s[%s]' % [start, window]
  else '(%s <= time() - %d)[%s:%s]' % [start, 5 * duration.seconds(interval), window, interval];

{
  // Beginnings that far apart are as many as configured within the window.
  quiet(flapping):: duration.format(std.floor(duration.seconds(flapping.window) / (flapping.beginnings - 1))),

  // names: of the alerts that judge values of an extractor.
  records(config, names)::
    local q = promql.new(config);
    local flapping = config.alerting.flapping;
    local start = 'featurewatch:alert_start_timestamp_seconds{%s}' % promql.oneOf('alertname', names);
    if flapping == null || names == [] then [] else [{
      record: q.flapping,
      expr: |||
        # How often it has begun within %(window)s, or had when it began to flap.
        (
          max by (%(by)s, alert) (
            label_replace(
              changes(%(starts)s)
                + (min_over_time(%(start)s[%(window)s]) >= bool time() - %(seconds)d)
                >= %(beginnings)d,
              "alert", "$1", "alertname", "(.+)"
            )
          )
          or
          max by (%(by)s, alert) (%(former)s)
        )
          and on (%(by)s, alert)
        # Until it has been quiet for as long as pauses between so many beginnings last.
        count_over_time(featurewatch:breach[%(quiet)s])
      ||| % (flapping {
        by: q.by,
        start: start,
        starts: settled(config, start, flapping.window),
        seconds: duration.seconds(flapping.window),
        former: q.flapping,
        quiet: $.quiet(flapping),
      }),
    }],

  // What holds an alert: the series that say so.
  series(config, name):: '%s{alert="%s"}' % [promql.new(config).flapping, name],

  // What the summary says of it.
  words(config, name)::
    local q = promql.new(config);
    local flapping = config.alerting.flapping;
    if flapping == null then ''
    else '{{ with %s }} again and again: {{ . | first | value }} times within %s{{ end }}' % [
      annotations.samples(q, '%s{%s}' % [q.flapping, std.join(', ', ['alert="%s"' % name] + q.same)]),
      flapping.window,
    ],
}

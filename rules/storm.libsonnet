// When one alert begins for many extractors at once, people are told of that instead of each of them
// (see alertmanager/inhibition.libsonnet): one message for each alert, with its own levels.
local alert = import '../lib/alert.libsonnet';
local annotations = import '../lib/annotations.libsonnet';
local escalation = import '../lib/escalation.libsonnet';
local duration = import '../lib/duration.libsonnet';
local promql = import '../lib/promql.libsonnet';
local storms = import '../lib/storms.libsonnet';

// alerts: those that are on, by name; identities: their labels.
function(config, alerts, identities)
  local q = promql.new(config);
  local storm = config.alerting.storm;
  local names = storms.of(config, identities);
  local firing(matchers) = 'group by (alertname, %s) (ALERTS{%s})'
                           % [q.by, std.join(', ', ['alertstate="firing"'] + matchers)];
  local begun = {
    record: storms.series,
    expr: |||
      # For how many extractors each alert fires, once it began for many within %(window)s, and until
      # it fires for less than half as many.
      count by (alertname) (%(firing)s) >= %(half)d
        and on (alertname)
      (
      count by (alertname) (
        group by (alertname, %(by)s) (
          featurewatch:alert_start_timestamp_seconds{%(names)s} > time() - %(seconds)d
        )
      ) >= %(extractors)d
      or on (alertname)
      max by (alertname) (%(series)s)
      )
    ||| % storm {
      by: q.by,
      firing: firing([promql.oneOf('alertname', names), 'escalation_level="1"']),
      names: promql.oneOf('alertname', names),
      seconds: duration.seconds(storm.window),
      half: storms.half(config),
      series: storms.series,
    },
  };
  // What is worst, where the alert judges one value; else what has lasted longest.
  local worst(name) =
    local judges = alerts[name].judges;
    if std.length(judges) == 1 then {
      query: '%s(10, %s)' % [if judges[0].breach == 'above' then 'topk' else 'bottomk', q.breach(name)],
      text: '{{ if ge .Value 0.0 }} {{ .Value | %s }}{{ end }}' % judges[0].format,
    } else {
      query: 'bottomk(10, %s)' % promql.start(name),
      text: '',
    };
  local extractor = '{{ .Labels.extractor }}';
  local texts(name) =
    local one = worst(name);
    alert.links(config, storms.name, []) + alert.times(name, promql.scope([])) + {
      summary: '%s of {{ $value }} extractors' % name,
      description: '%s fires for {{ $value }} extractors. The worst: {{ range $i, $each := query "%s" }}{{ if $i }}, {{ end }}%s%s{{ end }}'
                   % [name, std.strReplace(one.query, '"', '\\"'), extractor, one.text],
      value: '{{ $value }} extractors',
      threshold: '%d extractors within %s' % [storm.extractors, storm.window],
    };
  local rule(name, level) =
    local settings = config.alerts[name];
    {
      alert: storms.name,
      expr: if level.level == '1' then 'sum(%s{alertname="%s"})' % [storms.series, name]
      else |||
        # It escalates when half as many extractors are so far.
        sum(%(series)s{alertname="%(name)s"})
          and on ()
        count(%(firing)s) >= %(half)d
      ||| % {
        series: storms.series,
        name: name,
        firing: firing(['alertname="%s"' % name, 'escalation_level="%s"' % level.level]),
        half: storms.half(config),
      },
      labels: settings.labels { severity: settings.severity, of: name } + alert.resolution(settings),
      annotations: texts(name),
      // What lingers on ends within that, or is told by itself then.
      keep_firing_for: storm.window,
    } + escalation.at(settings.escalation, level);
  if names == [] then [] else [begun] + [
    rule(name, level)
    for name in names
    for level in escalation.levels(config, config.alerts[name].escalation, escalation.most(config.alerts[name]))
  ]

// What goes on though it is over: what people had been told of before its incident began goes on with
// that, so that they hear of one end, and what flaps until it is quiet.
local correlations = import 'correlations.libsonnet';
local duration = import 'duration.libsonnet';
local flapping = import 'flapping.libsonnet';
local promql = import 'promql.libsonnet';
local text = import 'text.libsonnet';
local waits = import 'waits.libsonnet';

// name: of an alert. measured: the series whose value its annotations tell, if it is one.
function(config, name, judged, measured)
  local q = promql.new(config);
  local mine = if !judged then [] else [
    incident
    for incident in correlations(config)
    if std.member(config.correlation.rules[incident].members, name)
  ];
  local flaps = judged && config.alerting.flapping != null;
  function(level)
    local fires = 'ALERTS{alertname="%s", alertstate="firing", escalation_level="%s"}' % [name, level];
    local value =
      if measured == null then 'group by (%s) (%s)' % [q.by, fires]
      else '(%s and on (%s) %s or on (%s) 0 * group by (%s) (%s) - 1)' % [measured, q.by, fires, q.by, q.by, fires];
    local why = (
      if mine == [] then [] else [
        |||
          # Its incident goes on, which began when people had been told of it.
          %(began)s
            <= on (%(by)s)
          max by (%(by)s) (%(incident)s{%(mine)s}) - %(wait)d
        ||| % {
          by: q.by,
          began: promql.start(name),
          incident: q.incident,
          mine: promql.oneOf('correlation', mine),
          wait: duration.seconds(waits(config, config.alerts[name].severity)),
        },
      ]
    ) + (if flaps then ['# It begins again and again.\n%s\n' % flapping.series(config, name)] else []);
    if why == [] then ''
    else |||

      or on (%(by)s)
      %(value)s
        and on (%(by)s)
      (
      %(why)s
      )
    ||| % { by: q.by, value: value, why: text.chomped(std.join('or on (%s)\n' % q.by, why)) }

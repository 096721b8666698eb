// The panels of the values that alerts judge, each against the thresholds of its alerts. Of a
// value's panel: title, description, unit; place, by which they are put in order; and where it
// ends: max, or around, the end unless a value is beyond it.
local dashboard = import '../lib/dashboard.libsonnet';
local panels = import '../lib/panels.libsonnet';
local promql = import '../lib/promql.libsonnet';

// judged: by alert, the values that it judges.
function(config, judged)
  local q = promql.new(config);
  local d = dashboard.new(config);
  local of(series) = '%s{%s}' % [series, std.join(', ', d.chosen)];
  // Several alerts may judge one.
  local values = std.foldl(
    function(found, value) found { [value.name]: value }, std.flattenArrays(std.objectValues(judged)), {}
  );
  local alerts_of(name) = [
    alert
    for alert in std.objectFields(judged)
    if std.member([value.name for value in judged[alert]], name)
  ];
  // Of several thresholds each says how bad it is.
  local threshold(value, alert, several) = panels.target(
    q.threshold(alert, d.chosen + value.matchers),
    'threshold %s%s' % [if several then config.alerts[alert].severity + ' ' else '', d.whose]
  );
  local drawn(value) =
    local alerts = alerts_of(value.name);
    panels.timeseries(value.panel.title, value.panel.description, value.panel.unit, [
      panels.target(of(value.series(window)), d.whose + ' ' + window)
      for window in std.set([config.alerts[alert].window for alert in alerts])
    ] + [
      threshold(value, alert, std.length(alerts) > 1)
      for alert in alerts
      if config.alerts[alert].enabled
    ]) + d.details_of('extractor')
    + (if 'max' in value.panel then panels.upTo(value.panel.max) else {})
    + (if 'around' in value.panel then panels.around(value.panel.around) else {});
  [{ place: value.panel.place, panel: drawn(value) } for value in std.objectValues(values)]

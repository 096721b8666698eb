local files = import '../alerts.libsonnet';
local alert = import '../../lib/alert.libsonnet';
local annotations = import '../../lib/annotations.libsonnet';
local duration = import '../../lib/duration.libsonnet';
local number = import '../../lib/number.libsonnet';
local promql = import '../../lib/promql.libsonnet';

local day = 86400;

// What the other alerts judge, and how much there is to do: each with name, title, format, series.
local watched(config, q, name) =
  local judged = [
    {
      name: value.name,
      title: value.panel.title,
      format: value.format,
      series: value.series(config.alerts[other].window),
    }
    for other in std.objectFields(files)
    if other != name
    for value in files[other](config, other).judges
  ];
  local window = config.alerts.FeatureExtractionErrorRateHigh.window;
  local requests = {
    name: 'requests',
    title: 'Requests within ' + window,
    format: 'humanize',
    series: q.recorded('requests:increase' + window),
  };
  // Several alerts may judge one value.
  std.set(judged + [requests], function(value) value.name);

function(config, name)
  local q = promql.new(config);
  local identity = config.metrics.identity + ['measured'];
  local scope = promql.scope(identity);
  local settings = config.alerts[name];
  local step = duration.seconds(settings.step);
  local values = watched(config, q, name);
  local past(value) = '%s[%s:%s] offset %s' % [value.series, settings.window, settings.step, settings.step];
  // vmalert does not see what this evaluation has recorded, but the one before.
  local known(value, what) =
    'last_over_time(featurewatch:%s{measured="%s"}[%s])' % [what, value.name, duration.format(2 * step)];
  local recorded(value, what, expr) = {
    record: 'featurewatch:' + what,
    labels: { measured: value.name },
    expr: expr,
  };
  local margin(value) = recorded(value, 'usual_margin', |||
    %s * stddev_over_time(%s)
    # A day of it says what is usual.
      and
    count_over_time(%s) >= %d
  ||| % [number.text(settings.margin), past(value), past(value), std.ceil(day / step)]);
  local bound(value, what, extreme, sign) = recorded(value, what, |||
    # All that there was, and a little more. What is looked at now is no part of it.
    %s_over_time(%s)
      %s on (%s)
    %s
  ||| % [extreme, past(value), sign, q.by, known(value, 'usual_margin')]);
  // As often as the past is looked at: in between there are values that it knows nothing of.
  local beyond(value) = recorded(value, 'unusual', |||
    %(series)s
      > on (%(by)s)
    %(most)s
      or
    %(series)s
      < on (%(by)s)
    %(least)s
  ||| % value { by: q.by, most: known(value, 'usual_most'), least: known(value, 'usual_least') });
  local last(series) = 'last_over_time(%s[%s])' % [series, duration.format(step - 1)];
  // By the label: what one of the values is called, or how its numbers are written.
  local chosen(texts) = std.join('', [
    '{{ %s eq $labels.measured %s }}%s' % [
      if i == 0 then 'if' else 'else if',
      std.join(' ', ['"%s"' % value.name for value in values if texts(value) == all[i]]),
      all[i],
    ]
    for all in [std.set(std.map(texts, values))]
    for i in std.range(0, std.length(all) - 1)
  ]) + '{{ end }}';
  local title = chosen(function(value) value.title);
  local written(variable) = chosen(function(value) '{{ %s | %s }}' % [variable, value.format]);
  local usual(what) =
    // Of these values none is below 0, though the margin may reach there.
    local query = 'clamp_min(%s, 0)' % last('featurewatch:%s{%s}' % [what, std.join(', ', scope.same)]);
    '{{ with %s }}{{ $usual := . | first | value }}%s{{ else }}unknown{{ end }}'
    % [annotations.samples(scope, query), written('$usual')];
  alert.new(config, name, {
    identity: identity,
    summary: 'Something about {{ $labels.extractor }} is unusual',
    history: std.flatMap(function(value) [
      margin(value),
      bound(value, 'usual_most', 'max', '+'),
      bound(value, 'usual_least', 'min', '-'),
      beyond(value),
    ], values),
    expr: |||
      # Until the next look.
      max by (%s) (%s)
    ||| % [scope.by, last('featurewatch:unusual')],
    values: {
      value: '%s: %s' % [title, written('$value')],
      threshold: 'from %s to %s within %s' % [usual('usual_least'), usual('usual_most'), settings.window],
    },
  })

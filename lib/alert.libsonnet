// From an entry of config.yaml and an expression to the rules of one alert.
local annotations = import 'annotations.libsonnet';
local confidence = import 'confidence.libsonnet';
local dashboard = import 'dashboard.libsonnet';
local duration = import 'duration.libsonnet';
local escalation = import 'escalation.libsonnet';
local flapping = import 'flapping.libsonnet';
local gone = import 'gone.libsonnet';
local held = import 'held.libsonnet';
local number = import 'number.libsonnet';
local promql = import 'promql.libsonnet';
local text = import 'text.libsonnet';

{
  links(config, name, identity)::
    local extractor = if std.member(identity, 'extractor')
    then 'extractor={{ $labels.extractor | urlquery }}' else '';
    // A label that no series has, since only Prometheus adds it, chooses nothing there.
    local others = [
      '{{ with $labels.%s }}&var-%s={{ . | urlquery }}{{ end }}' % [label, label]
      for label in config.metrics.identity
      if label != 'extractor' && std.member(identity, label)
    ];
    {
      runbook_url: config.links.runbook + name,
      [if config.links.grafana != null then 'dashboard_url']:
        config.links.grafana + dashboard.path('overview')
        + (if extractor == '' then '' else '?var-' + extractor + std.join('', others)),
      [if config.links.console != null then 'console_url']:
        config.links.console + '/alerts?alertname=' + name
        + (if extractor == '' then '' else '&' + extractor),
    },

  // Since when, and for how long. What began at this moment is recorded at the next, so that there
  // is always one sample.
  times(name, scope)::
    local start = 'max(%s)' % promql.start(name, scope.same);
    local one(query) = annotations.samples(scope, query) + ' | first | value';
    {
      since: '{{ (%s | toTime)%s }}' % [one(start + ' or vector(time())'), annotations.date],
      duration: '{{ %s | humanizeDuration }}' % one('time() - %s or vector(0)' % start),
    },

  // A setting as one series per extractor: the overrides win, since `or` keeps its left side. One
  // branch per value and not per extractor: a thousand branches are beyond what Prometheus joins.
  setting(config, name, record, pick, labels={})::
    local q = promql.new(config);
    local alert = config.alerts[name];
    local among(extractors, without=false) = promql.matcher('extractor', promql.regex(extractors), without);
    local at(value, matchers) =
      local where = if matchers == [] then '' else '{%s}' % std.join(', ', matchers);
      '%s * group by (%s) (%s%s)' % [value, q.by, q.instances, where];
    local overrides = std.objectKeysValues(alert.overrides);
    local off = [o.key for o in overrides if std.get(o.value, 'enabled') == false];
    local on = [o for o in overrides if std.get(o.value, 'enabled') != false];
    // Pairs, and each looked at once: there may be a thousand. Texts, which are equal only if the
    // numbers are.
    local set = [[o.key, value] for o in on for value in [pick(o.value)] if value != null];
    local texts = number.texts([pair[1] for pair in set]);
    local own = [[set[i][0], texts[i]] for i in std.range(0, std.length(set) - 1)];
    {
      record: 'featurewatch:' + record,
      // An extractor for which the alert is off has no threshold to be beyond of.
      expr: std.join('\nor\n', [
        at(value, [among([pair[0] for pair in own if pair[1] == value])])
        for value in std.set([pair[1] for pair in own])
      ] + [at(number.text(pick(alert)), if off == [] then [] else [among(off, without=true)])]),
      labels: { alert: name } + labels,
    },

  threshold(config, name, pick=function(t) t, labels={})::
    self.setting(
      config,
      name,
      'threshold',
      function(from)
        local threshold = std.get(from, 'threshold');
        if threshold == null then null else pick(threshold),
      labels
    ),

  // parts: summary, expr, values (what the message's {placeholders} and the annotations value and
  // threshold say), and where needed: identity, the labels that tell alerts of this name apart;
  // judges, the values that it judges (see values.libsonnet), and counts, whether that is a share of
  // events; recordings, of its thresholds; history, of what was before, which changes slowly; recent,
  // what of it was beyond them in the last minute; evidence, an annotation; measured, the series that
  // the annotation value tells; exists, whether there is anything for it to watch.
  new(config, name, parts)::
    local alert = config.alerts[name];
    local identity = std.get(parts, 'identity', config.metrics.identity);
    local scope = promql.scope(identity);
    local values = { [label]: '{{ $labels.%s }}' % label for label in identity } + parts.values;
    local judges = std.get(parts, 'judges', []);
    // What is about an extractor's values is recorded once for all levels.
    local judged = judges != [];
    local recent = std.get(parts, 'recent');
    {
      exists: std.get(parts, 'exists', true),
      identity: identity,
      judges: judges,
      breaches: if judged then [gone.breach(config, name, text.chomped(parts.expr))] else [],
      counts: std.get(parts, 'counts', false),
      recordings: std.get(parts, 'recordings', []),
      history: std.get(parts, 'history', []),
      levels: escalation.escalate(config, scope, {
        alert: name,
        expr: if judged then $.judged(config, name) else parts.expr,
        labels: alert.labels { severity: alert.severity } + $.resolution(alert),
        annotations: $.links(config, name, identity) + $.times(name, scope) + {
          summary: parts.summary + (if judged then flapping.words(config, name) else ''),
          description: annotations.fill(alert.message, values),
          value: values.value,
          [if std.objectHas(values, 'threshold') then 'threshold']: values.threshold,
          [if 'evidence' in parts then 'evidence']: parts.evidence,
        },
      } + duration.given('keep_firing_for', alert.cooldown), alert, (
        if recent == null then null else text.chomped(recent) + '\nor\n' + gone.unknown(config, name)
      ), held(config, name, judged, std.get(parts, 'measured'))),
      // Whether it is in trouble by itself.
      beyond: text.chomped(if judged then $.judged(config, name) else parts.expr),
    },

  // What its record says, without the label that names the alert.
  judged(config, name)::
    local q = promql.new(config);
    'max by (%s) (%s)' % [q.by, q.breach(name)],

  // Alertmanager routes on it: only what does not resolve by itself is marked.
  resolution(alert):: if alert.auto_resolve then {} else { auto_resolve: 'false' },

  // An alert about one value of each extractor with one threshold.
  single(config, name, summary, value)::
    local q = promql.new(config);
    local settings = config.alerts[name];
    local series = value.series(settings.window);
    local beyond(series) = q.beyond(series, if value.breach == 'above' then '>' else '<', q.threshold(name));
    local traffic = if value.traffic then $.traffic(config, name, value) else {
      recordings: [],
      expr(plain):: plain,
      recent: beyond(value.series(confidence.last(config, settings))),
    };
    self.new(config, name, traffic {
      judges: [value],
      counts: value.traffic,
      summary: summary,
      expr: super.expr(beyond(series)),
      values: {
        value: gone.value(config, '{{ $value | %s }}' % value.format),
        threshold: gone.known(config, q.threshold(name, q.same), value.format),
      },
      recordings: [$.threshold(config, name)] + super.recordings,
      measured: series,
    }),

  // What is different where the value is a share of events: few of them say nothing.
  traffic(config, name, value)::
    local q = promql.new(config);
    local settings = config.alerts[name];
    local last = confidence.last(config, settings);
    local asks_for_some(from) =
      local least = std.get(from, 'min_requests');
      least != null && least > 0;
    local least = std.any(std.map(asks_for_some, [settings] + std.objectValues(settings.overrides)));
    {
      recordings: if least then [
        $.setting(config, name, 'min_requests', function(from) std.get(from, 'min_requests')),
      ] else [],
      expr(plain)::
        local enough = if least then q.withTraffic(plain, settings.window, name) else plain;
        if settings.confidence == null then enough else q.certain(enough, name, value.against('<=', name)),
      recent: |||
        %(bad)s
          /
        %(events)s
          %(beyond)s
        or
        # A snapshot has no minutes.
        %(series)s
          unless on (%(by)s)
        %(counted)s > 0
      ||| % {
        bad: q.badEvents(name, last),
        events: q.events(name, last),
        by: q.by,
        beyond: value.against('>', name),
        series: value.series(settings.window),
        counted: q.events(name, settings.window),
      },
      evidence: $.evidence(config, name, value),
    },

  // How many were bad of how many, where they are counted, and which share is for certain: over the
  // window that says it best.
  evidence(config, name, value)::
    local q = promql.new(config);
    local settings = config.alerts[name];
    local best = annotations.samples(q, 'topk(1, %s)' % (
      if settings.confidence == null then q.events(name, settings.window, q.same) else q.lowerBound(name, q.same)
    ));
    local count(series) = '{{ printf %s .Labels.window %s | query | first | value | printf "%%.0f" }}'
                          % [text.quoted('%s{%s}' % [series, std.join(', ', ['alert="%s"' % name, 'window=%q'] + q.same)]), q.labels];
    '{{ with %s }}{{ with . | first }}' % best
    + '%s of %s %s within {{ .Labels.window }}'
      % [count('featurewatch:bad_events'), count('featurewatch:events'), value.bad]
    + (
      if settings.confidence == null then ''
      else ': at least {{ .Value | humanizePercentage }}, %s%% sure' % number.text(settings.confidence * 100)
    )
    + '{{ end }}{{ end }}',
}

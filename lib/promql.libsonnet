// PromQL fragments that depend on the configuration.
local text = import 'text.libsonnet';

local special = '\\.+*?()|[]{}^$';
local escaped(text) =
  std.foldl(function(all, char) std.strReplace(all, char, '\\' + char), std.stringChars(special), text);

// How rules and templates name one alert among its like: by the labels that identify it.
local scope(identity) = {
  by: std.join(', ', identity),
  // Matchers in a printf of a template, and its arguments.
  same: ['%s=%%q' % label for label in identity],
  labels: std.join(' ', ['$labels.' + label for label in identity]),
};

{
  scope: scope,

  // Texts as a regular expression that matches each of them and nothing else. All at once, since
  // there may be a thousand.
  regex(texts)::
    local separator = '\u0001';
    std.strReplace(escaped(std.join(separator, texts)), separator, '|'),

  // A matcher for any of these words.
  oneOf(label, words)::
    label + (if std.length(words) == 1 then '=' else '=~') + text.quoted(std.join('|', words)),

  // A matcher for what a regular expression matches, which is mostly one word. without: for all else.
  matcher(label, pattern, without=false)::
    local plain = escaped(pattern) == pattern;
    local operator = if without then (if plain then '!=' else '!~') else (if plain then '=' else '=~');
    label + operator + text.quoted(pattern),

  // Unix time at which each firing alert began.
  start(alert, matchers=[])::
    'featurewatch:alert_start_timestamp_seconds{%s}' % std.join(', ', ['alertname="%s"' % alert] + matchers),

  // One object per configuration: `local q = promql.new($._config.featurewatch)`.
  new(config):: scope(config.metrics.identity) {
    local q = self,
    local identity = config.metrics.identity,
    local level = std.join('_', identity),
    local braces(matchers) =
      local all = [m for m in matchers if m != ''];
      if all == [] then '' else '{%s}' % std.join(', ', all),

    // Series of other exporters under the configured selector: q.of('up', ['job="x"']).
    of(series, matchers=[]):: series + braces([config.metrics.selector] + matchers),

    // A metric of the contract: q.metric('requests_total').
    metric(name, matchers=[]):: self.of('feature_extraction_' + name, matchers),

    // Whatever reports anything that is watched: one or more of these metrics.
    watched(matchers=[])::
      local names = 'requests_total|snapshot_.+|queue_depth|cpu_utilization_ratio|memory_utilization_ratio';
      braces(['__name__=~"feature_extraction_(%s)"' % names, config.metrics.selector] + matchers),

    // level:metric:operation, the names of the recording rules.
    recorded(metric, and=''):: level + and + ':feature_extraction_' + metric,
    instances: q.recorded('instances:count'),
    lastSeen: q.recorded('last_seen_timestamp_seconds:max'),
    bucketRate(window):: q.recorded('duration_seconds_bucket:rate' + window, '_le'),
    activation: level + '_category:featurewatch_activation_timestamp_seconds:min',
    activationOf(correlation):: '%s{correlation="%s"}' % [q.activation, correlation],
    memberValue: 'featurewatch:member_value',
    told: 'featurewatch:told',
    flapping: 'featurewatch:flapping',
    incident: 'featurewatch:incident_start_timestamp_seconds',

    local setting(name) = function(alert, matchers=[])
      'featurewatch:%s{%s}' % [name, std.join(', ', ['alert="%s"' % alert] + matchers)],
    threshold: setting('threshold'),
    minRequests: setting('min_requests'),
    // Of an alert about a share: how many were bad in a window, of how many, and at least which share.
    local counts(name) = function(alert, window, matchers=[])
      setting(name)(alert, ['window="%s"' % window] + matchers),
    badEvents: counts('bad_events'),
    events: counts('events'),
    lowerBound: setting('lower_bound'),
    // What an alert judges to be in trouble, with its value.
    breach(alert):: setting('breach')(alert),

    // The threshold is one series per extractor, so overrides cost no rules.
    beyond(value, operator, threshold):: |||
      %s
        %s on (%s) group_left ()
      %s
    ||| % [value, operator, self.by, threshold],

    // What a share is of everything; `part` has no series before its first event: it is then 0, not
    // missing. Increases are extrapolated, each by itself, so a part may seem to be more than all.
    share(part, whole):: text.chomped(|||
      clamp_max(
        (
          %(part)s
          # No series yet means that none happened, not that nothing is known.
          or 0 * %(whole)s
        )
        /
        %(whole)s,
        1
      )
    ||| % { part: part, whole: whole }),

    // A service that can't be instrumented may expose a snapshot of its own figures instead, if
    // there is such a gauge: the worst of its instances counts.
    orSnapshot(expr, worst, snapshot, matchers=[])::
      local instead = if snapshot == null then '' else |||

        or
        %s by (%s) (%s)
      ||| % [worst, q.by, q.metric('snapshot_' + snapshot, matchers)];
      |||
        # Rounded, since floating point would put some values at a threshold a hair beyond it.
        round(
          # Without traffic it is not a number%(less)s.
          (%(expr)s) >= 0%(instead)s,
          1e-10
        )
      ||| % {
        less: if snapshot == null then '' else ', and less than a snapshot',
        expr: std.strReplace(expr, '\n', '\n  '),
        instead: std.strReplace(text.chomped(instead), '\n', '\n  '),
      },

    withTraffic(expr, window, alert):: expr + |||
      # A share of a few says nothing. Of none at all it comes from a snapshot.
        unless on (%s)
      %s > 0 < on (%s) %s
    ||| % [self.by, self.events(alert, window), self.by, self.minRequests(alert)],

    // Where nothing is counted the comparison is all there is. within: that the bound is no more than
    // what is allowed.
    certain(expr, alert, within):: expr + |||
      # By chance a few more may be bad than is usual.
        unless on (%(by)s)
      max by (%(by)s) (%(bound)s) %(within)s
    ||| % { by: q.by, bound: q.lowerBound(alert), within: within },
  },
}

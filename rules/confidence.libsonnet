// How many events were bad, of how many, over which windows; and the share of bad ones that there
// is for certain.
local confidence = import '../lib/confidence.libsonnet';
local duration = import '../lib/duration.libsonnet';
local number = import '../lib/number.libsonnet';
local promql = import '../lib/promql.libsonnet';

// alerts: those about shares of events that are on, by name.
function(config, alerts)
  local evaluation = duration.seconds(config.alerting.evaluation_interval);
  local rule(record, name, window, expr) = {
    record: 'featurewatch:' + record,
    expr: expr,
    labels: { alert: name, [if window != null then 'window']: window },
  };
  local counted(name, window) =
    local value = alerts[name].judges[0];
    [
      rule('bad_events', name, window, value.bad_of(window, name)),
      rule('events', name, window, value.all_of(window)),
    ];
  local summed(name, own, window) = [
    rule(record, name, window, |||
      # Each event is in %(times)s evaluations. What was not there then counts nothing.
      sum without (window) (
        sum_over_time(featurewatch:%(record)s{alert="%(name)s", window="%(own)s"}[%(window)s])
      ) / %(times)s
    ||| % {
      record: record,
      name: name,
      own: own,
      window: window,
      times: number.text(duration.seconds(own) / evaluation),
    })
    for record in ['bad_events', 'events']
  ];
  local bound(name, windows) =
    local settings = config.alerts[name];
    local which = '{alert="%s", %s}' % [name, promql.oneOf('window', windows)];
    local bad = 'featurewatch:bad_events' + which;
    // What increase() adds to make the window whole was not seen, and makes nothing more certain.
    local whole = std.max(0.5, 1 - evaluation / duration.seconds(settings.window));
    local several = '(%s * %s%s)' % [
      number.text(whole),
      bad,
      // As text: rjsonnet takes numbers as equal that differ in their last digit.
      if number.text(settings.dispersion) == '1' then '' else ' / ' + number.text(settings.dispersion),
    ];
    rule('lower_bound', name, null, |||
      # At least this share is bad, with a confidence of %(confidence)s.
      %(bad)s
        # Three are chance, since somebody looks all the time; and so is one after a trouble that the
        # longer windows still have.
        * (%(several)s > bool 3.475)
        * ignoring (window) group_left ()
          (%(whole)s * %(recent)s > bool 1.475)
        * clamp_min(
            1
              - 1 / (9 * %(several)s)
              - %(deviations)s / (3 * sqrt(%(several)s)),
            0
          ) ^ 3
        /
      featurewatch:events%(which)s
    ||| % {
      confidence: number.text(settings.confidence),
      bad: bad,
      which: which,
      several: several,
      whole: number.text(whole),
      recent: 'featurewatch:bad_events{alert="%s", window="%s"}' % [name, settings.window],
      deviations: confidence.deviations(settings.confidence),
    });
  local of(name) =
    local settings = config.alerts[name];
    local windows = confidence.windows(settings);
    std.flatMap(
      function(window) counted(name, window),
      std.set([settings.window, confidence.last(config, settings)])
    )
    + std.flatMap(function(window) summed(name, settings.window, window), windows[1:])
    + (if settings.confidence == null then [] else [bound(name, windows)]);
  std.flatMap(of, std.objectFields(alerts))

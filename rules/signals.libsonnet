// Alerts that are no trouble: they tell the receiver, and nobody else, of the chain and of planned work.
local annotations = import '../lib/annotations.libsonnet';
local promql = import '../lib/promql.libsonnet';
local time = import '../lib/time.libsonnet';
local signal = import 'signal.libsonnet';

function(config)
  local q = promql.new(config);
  local watchdog = signal(
    config,
    'Watchdog',
    'watchdog',
    'vector(1)',
    {},
    'The chain from Prometheus to the receiver works'
  );
  // When it ends, while it is open.
  local until(window) =
    local from_to = [time.unix(window.from), time.unix(window.to)];
    'vector(%d) and vector(time()) >= %d < %d' % ([from_to[1]] + from_to);
  local of_everything(window) = std.get(window, 'extractors', []) == [];
  local of_some(window) = |||
    # Known, not measured: work may stop the service.
    group by (%s) (%s{%s})
      * on () group_left ()
    (
    %s
    )
  ||| % [q.by, q.lastSeen, promql.matcher('extractor', promql.regex(window.extractors)), until(window)];
  // One series for whatever it mutes, however many windows are open: Alertmanager 0.30.0 to 0.34.0
  // forgets the second source of a rule with the first. Of several windows the one that ends last.
  local maintenance(scope, windows, expr) = if windows == [] then [] else [
    signal(
      config,
      'FeaturewatchMaintenance',
      'maintenance',
      std.join('\nor\n', [
        std.rstripChars(expr(window), '\n')
        for window in std.reverse(std.sort(windows, function(window) [time.unix(window.to), window.name]))
      ]),
      { scope: scope },
      'Planned work until {{ ($value | toTime)%s }}' % annotations.date
    ),
  ];
  local planned(everything) = [window for window in config.maintenance if of_everything(window) == everything];
  maintenance('all', planned(true), until)
  + maintenance('extractor', planned(false), of_some)
  + (if config.watchdog.enabled then [watchdog] else [])

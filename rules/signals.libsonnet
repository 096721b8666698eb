// Alerts that are no trouble: they tell the receiver, and nobody else, of the chain and of planned work.
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
  local within(window) =
    'vector(time()) >= %d < %d' % [time.unix(window.from), time.unix(window.to)];
  local maintenance(window) =
    local extractors = std.get(window, 'extractors', []);
    signal(
      config,
      'FeaturewatchMaintenance',
      'maintenance',
      if extractors == [] then within(window)
      else |||
        # Known, not measured: work may stop the service.
        group by (%s) (%s{%s})
          and on ()
        %s
      ||| % [
        q.by,
        q.lastSeen,
        promql.matcher('extractor', promql.regex(extractors)),
        within(window),
      ],
      { window: window.name, scope: if extractors == [] then 'all' else 'extractor' },
      'Planned work: %s' % window.name
    );
  [maintenance(window) for window in config.maintenance]
  + (if config.watchdog.enabled then [watchdog] else [])

local alert = import '../../lib/alert.libsonnet';
local promql = import '../../lib/promql.libsonnet';

// By chance none of so many come once in three million times.
local expected = 15;

function(config, name)
  local q = promql.new(config);
  local window = config.alerts[name].window;
  local requests = q.recorded('requests:increase' + window);
  alert.new(config, name, {
    summary: 'Nobody asks {{ $labels.extractor }} for features any more',
    recordings: [{
      record: requests,
      expr: 'sum by (%s) (increase(%s[%s]))' % [q.by, q.metric('requests_total'), window],
    }],
    expr: |||
      # It is up, and no request comes,
      %(requests)s == 0
        and on (%(by)s)
      # where on average of a day there are so many that this is no chance.
      avg_over_time(%(requests)s[1d:%(window)s]) > %(expected)d
    ||| % { requests: requests, by: q.by, window: window, expected: expected },
    values: {
      value: 'no request within ' + window,
      threshold: 'requests, as within the last day',
    },
  })

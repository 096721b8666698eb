// Grafana panels, with what all of them have in common.
local datasource = { type: 'prometheus', uid: '${datasource}' };

// Colours of a value: from each bound on, until the next.
local steps(first, others=[]) = {
  mode: 'absolute',
  steps: [{ color: first, value: null }] + [{ color: step[1], value: step[0] } for step in others],
};

local letters = std.stringChars('ABCDEFGHIJKLMNOPQRSTUVWXYZ');

local panel(type, title, description, unit, targets) = {
  type: type,
  title: title,
  description: description,
  datasource: datasource,
  fieldConfig: { defaults: { unit: unit }, overrides: [] },
  targets: [targets[i] { refId: letters[i] } for i in std.range(0, std.length(targets) - 1)],
};

// The last value of each series, as a number.
local last = { reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false } };

{
  datasource: datasource,
  steps: steps,

  // Beside a panel: what its values mean, and where a click leads.
  colours(first, others=[]):: {
    fieldConfig+: { defaults+: { color: { mode: 'thresholds' }, thresholds: steps(first, others) } },
  },
  whole:: { fieldConfig+: { defaults+: { decimals: 0 } } },
  upTo(max):: { fieldConfig+: { defaults+: { max: max } } },
  // At least so far up, and further for what is beyond.
  around(max):: { fieldConfig+: { defaults+: { custom+: { axisSoftMax: max } } } },
  // What stands there when the queries find nothing.
  without(text):: { fieldConfig+: { defaults+: { noValue: text } } },
  // Words in place of 0 and 1.
  words(no, yes):: { fieldConfig+: { defaults+: { mappings: [{
    type: 'value',
    options: { '0': { text: no, index: 0 }, '1': { text: yes, index: 1 } },
  }] } } },
  link(title, url):: { fieldConfig+: { defaults+: { links+: [{ title: title, url: url }] } } },
  // Of one column of a table.
  linked(column, links):: { fieldConfig+: { overrides+: [{
    matcher: { id: 'byName', options: column },
    properties: [{ id: 'links', value: [{ title: link[0], url: link[1] } for link in links] }],
  }] } },

  // Queries: over the time that is shown, or at its end alone.
  target(expr, legend):: {
    datasource: datasource,
    expr: expr,
    legendFormat: legend,
  },
  now(expr, legend):: self.target(expr, legend) { instant: true, range: false },
  rows(expr):: self.now(expr, '') { format: 'table' },

  // A value over time against its threshold, which is drawn dashed from its own series.
  timeseries(title, description, unit, targets):: panel('timeseries', title, description, unit, targets) {
    fieldConfig+: {
      defaults+: {
        min: 0,
        custom: { lineWidth: 2, fillOpacity: 5, showPoints: 'auto' },
      },
      overrides: [{
        matcher: { id: 'byRegexp', options: '/threshold/' },
        properties: [
          { id: 'color', value: { mode: 'fixed', fixedColor: 'red' } },
          { id: 'custom.lineStyle', value: { fill: 'dash', dash: [10, 10] } },
          { id: 'custom.fillOpacity', value: 0 },
        ],
      }],
    },
    options: {
      legend: { displayMode: 'list', placement: 'bottom' },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
  },

  // Events in each interval, one bar upon the other. interval: of the bars at least, so that
  // $__rate_interval is hardly longer and an event is not counted in several of them.
  bars(title, description, interval, targets):: self.timeseries(title, description, 'short', targets) + self.whole {
    interval: interval,
    fieldConfig+: {
      defaults+: {
        custom+: { drawStyle: 'bars', fillOpacity: 60, lineWidth: 1, stacking: { mode: 'normal', group: 'A' } },
      },
    },
  },

  // Single numbers.
  stat(title, description, unit, targets):: panel('stat', title, description, unit, targets) {
    options: last { graphMode: 'none', colorMode: 'value', textMode: 'auto' },
  },

  // Numbers side by side, the largest the longest.
  gauges(title, description, unit, targets):: panel('bargauge', title, description, unit, targets) {
    fieldConfig+: { defaults+: { min: 0 } },
    options: last { displayMode: 'basic', orientation: 'horizontal', valueMode: 'color' },
  },

  // How many observations fell into each bucket; the query gives the buckets by `le`.
  heatmap(title, description, unit, expr):: panel('heatmap', title, description, unit, [
    self.target(expr, '{{le}}') { format: 'heatmap' },
  ]) {
    options: {
      calculate: false,
      color: { mode: 'scheme', scheme: 'Oranges', steps: 64 },
      filterValues: { le: 1e-9 },
      yAxis: { unit: unit, axisPlacement: 'left' },
      cellValues: { unit: 'ops' },
      tooltip: { mode: 'single', yHistogram: true },
      legend: { show: true },
    },
  },

  // What is the case when, as bands of colour.
  timeline(title, description, targets):: panel('state-timeline', title, description, 'none', targets) {
    options: { mergeValues: true, showValue: 'auto', legend: { displayMode: 'list', placement: 'bottom' } },
  },

  // One line for each label set that all queries share. columns: [[query's name, what it is, unit]].
  // Time is left out, and the lines with the largest values come first.
  table(title, description, labels, columns, targets):: panel('table', title, description, 'short', targets) {
    fieldConfig+: {
      overrides: [
        { matcher: { id: 'byName', options: column[0] }, properties: [{ id: 'unit', value: column[1] }] }
        for column in columns
      ],
    },
    options: { showHeader: true, sortBy: [{ displayName: columns[0][0], desc: true }] },
    transformations: [
      { id: 'merge', options: {} },
      {
        id: 'organize',
        options: {
          excludeByName: { Time: true },
          indexByName: { [labels[i]]: i for i in std.range(0, std.length(labels) - 1) },
          renameByName: if std.length(columns) == 1 then { Value: columns[0][0] }
          else { ['Value #%s' % letters[i]]: columns[i][0] for i in std.range(0, std.length(columns) - 1) },
        },
      },
    ],
  },
}

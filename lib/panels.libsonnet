// Grafana panels and variables, with what all of them have in common.
local datasource = { type: 'prometheus', uid: '${datasource}' };

{
  datasource: datasource,

  target(expr, legend):: {
    datasource: datasource,
    expr: expr,
    legendFormat: legend,
  },

  // A value over time against its threshold, which is drawn dashed from its own series.
  timeseries(title, description, unit, targets):: {
    type: 'timeseries',
    title: title,
    description: description,
    datasource: datasource,
    fieldConfig: {
      defaults: {
        unit: unit,
        min: 0,
        custom: { lineWidth: 2, fillOpacity: 5, showPoints: 'never' },
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
    targets: [
      targets[i] { refId: std.char(std.codepoint('A') + i) }
      for i in std.range(0, std.length(targets) - 1)
    ],
  },

  // Two panels a row, in the order of the list.
  grid(panels):: [
    panels[i] {
      id: i + 1,
      gridPos: { x: 12 * (i % 2), y: 8 * std.floor(i / 2), w: 12, h: 8 },
    }
    for i in std.range(0, std.length(panels) - 1)
  ],

  variables: {
    datasource: {
      name: 'datasource',
      label: 'Data source',
      type: 'datasource',
      query: 'prometheus',
    },
    extractor(metric):: {
      name: 'extractor',
      label: 'Extractor',
      type: 'query',
      datasource: datasource,
      query: { query: 'label_values(%s, extractor)' % metric, refId: 'extractor' },
      refresh: 2,
      includeAll: true,
      multi: true,
      current: { text: ['All'], value: ['$__all'] },
    },
  },
}

// What all dashboards share: how they are found, chosen from, linked and laid out.
local duration = import 'duration.libsonnet';
local panels = import 'panels.libsonnet';
local promql = import 'promql.libsonnet';

local width = 24;  // of Grafana's grid
local prefix = 'featurewatch-';

// In the order of the links. A uid is part of links that people keep: never change one. What is
// rare is looked at over a day.
local all = {
  overview: { name: 'Overview', tip: 'The five sources of the service against their thresholds', from: 'now-1h' },
  extractor: { name: 'Extractor', tip: 'One extractor in detail, by instance', from: 'now-1h' },
  alerts: {
    name: 'Alerts',
    tip: 'What fires, how far it has escalated, and how much noise it makes',
    from: 'now-24h',
  },
  remediation: { name: 'Remediation', tip: 'What the automation did, and why it did not', from: 'now-24h' },
};
local path(key) = '/d/' + prefix + key;
local order = ['overview', 'extractor', 'alerts', 'remediation'];

{
  prefix: prefix,

  // Where Grafana shows it, below its own address.
  path: path,

  // Panels below a title, side by side and equally wide.
  row(title, panels, columns=2, height=8):: { title: title, panels: panels, columns: columns, height: height },

  // One object per configuration.
  new(config):: {
    local q = promql.new(config),
    local identity = config.metrics.identity,

    // As many scrapes as a rate wants.
    local rate_span = duration.format(4 * duration.seconds(config.alerting.evaluation_interval)),

    // Panels that depend on the configuration.
    bars(title, description, targets):: panels.bars(title, description, rate_span, targets),

    // Beside a panel: where the console tells more, if there is one; a list of [title, address].
    in_console(path)::
      if config.links.console == null then [] else [['Console', config.links.console + path]],
    to_console(path):: std.foldl(
      function(mixin, link) mixin + panels.link(link[0], link[1]), self.in_console(path), {}
    ),

    // Matchers of what is chosen above a dashboard.
    chosen: ['%s=~"$%s"' % [label, label] for label in identity],
    extractor: 'extractor=~"$extractor"',

    // The identity of a series, the extractor first: in a legend, and where it is looked at in detail.
    labels: extractor_first,
    whose: std.join(' ', ['{{%s}}' % label for label in extractor_first]),
    details_of(key): panels.link(
      'Details of ' + std.join(' ', [field(label) for label in extractor_first]),
      path(key) + '?${datasource:queryparam}&${__url_time_range}'
      + std.join('', ['&var-%s=%s' % [label, field(label + ':percentencode')] for label in extractor_first])
    ),

    // `variables` beyond data source and identity; `rows` as above.
    dashboard(key, description, rows, variables=[]):: {
      uid: prefix + key,
      title: 'Feature extraction / ' + all[key].name,
      description: description,
      tags: ['featurewatch'],
      schemaVersion: 39,
      editable: false,
      graphTooltip: 1,
      refresh: '30s',
      time: { from: all[key].from, to: 'now' },
      timezone: 'browser',
      templating: { list: [datasource] + chain(identity) + variables },
      links: [
        link(all[other].name, path(other), all[other].tip) { includeVars: true, keepTime: true }
        for other in order
        if other != key
      ] + (
        if config.links.console == null then []
        else [link('Console', config.links.console, 'Acknowledge, resolve, approve') {
          targetBlank: true,
          icon: 'external link',
        }]
      ),
      annotations: { list: annotations },
      panels: placed(rows),
    },

    // Values of a label of the chosen series.
    variable(label, selector):: {
      name: label,
      label: std.asciiUpper(label[0]) + label[1:],
      type: 'query',
      datasource: panels.datasource,
      query: { query: 'label_values(%s, %s)' % [selector, label], refId: label },
      // Whenever the time range changes.
      refresh: 2,
      sort: 1,
      includeAll: true,
      multi: true,
      // Also what has no such label, and what is measured no more.
      allValue: '.*',
      current: { text: ['All'], value: ['$__all'] },
    },

    local this = self,
    local field(label) = '${__field.labels.%s}' % label,
    local others = [label for label in identity if label != 'extractor'],
    local extractor_first = [label for label in identity if label == 'extractor'] + others,
    local datasource = {
      name: 'datasource',
      label: 'Data source',
      type: 'datasource',
      query: 'prometheus',
    },
    // The extractor last, among those of the cluster that is chosen.
    local chain(labels) =
      local sorted = [l for l in labels if l != 'extractor'] + [l for l in labels if l == 'extractor'];
      [
        this.variable(sorted[i], '%s{%s}' % [q.instances, std.join(', ', ['%s=~"$%s"' % [l, l] for l in sorted[:i]])])
        for i in std.range(0, std.length(sorted) - 1)
      ],

    local link(title, url, tooltip) = {
      title: title,
      type: 'link',
      url: url,
      tooltip: tooltip,
      icon: 'dashboard',
      tags: [],
      asDropdown: false,
      includeVars: false,
      keepTime: false,
      targetBlank: false,
    },

    local annotation(name, colour, expr, title, text, tags) = {
      name: name,
      enable: true,
      iconColor: colour,
      datasource: panels.datasource,
      expr: expr,
      titleFormat: title,
      textFormat: text,
      tagKeys: tags,
      step: config.alerting.evaluation_interval,
    },
    local annotations = [
      annotation(
        'Alerts',
        'red',
        'ALERTS{%s}' % std.join(', ', ['alertstate="firing"', 'escalation_level="1"'] + self.chosen),
        '{{alertname}}',
        '{{severity}}',
        std.join(',', extractor_first)
      ),
      annotation(
        'Actions',
        'blue',
        'sum by (action, extractor, outcome) (increase(featurewatch_receiver_remediations_total{%s}[%s])) > 0' % [
          std.join(', ', ['outcome!="skipped"', self.extractor]),
          rate_span,
        ],
        '{{action}}',
        '{{outcome}}',
        'extractor'
      ),
    ],

    local header(title, id, y) = {
      type: 'row',
      title: title,
      id: id,
      collapsed: false,
      gridPos: { x: 0, y: y, w: width, h: 1 },
      panels: [],
    },
    local place(state, row) =
      local w = width / row.columns;
      local count = std.length(row.panels);
      if count == 0 then state else {
        id: state.id + 1 + count,
        y: state.y + 1 + row.height * std.ceil(count / row.columns),
        placed: state.placed + [header(row.title, state.id, state.y)] + [
          row.panels[i] {
            id: state.id + 1 + i,
            gridPos: {
              x: w * (i % row.columns),
              y: state.y + 1 + row.height * std.floor(i / row.columns),
              w: w,
              h: row.height,
            },
          }
          for i in std.range(0, count - 1)
        ],
      },
    local placed(rows) = std.foldl(place, rows, { id: 1, y: 0, placed: [] }).placed,
  },
}

// An alert that is no trouble: it tells the receiver or Alertmanager something, and nobody else.
function(config, name, type, expr, labels, summary) {
  alert: name,
  expr: expr,
  labels: { severity: 'none', category: 'featurewatch', type: type } + labels,
  annotations: { summary: summary, runbook_url: config.links.runbook + name },
}

// What Grafana reads at its start: where Prometheus is, and the folder of the dashboards.
function(config) {
  'datasources/featurewatch': {
    apiVersion: 1,
    datasources: [{
      name: 'featurewatch',
      uid: 'featurewatch',
      type: 'prometheus',
      access: 'proxy',
      url: config.grafana.prometheus_url,
      jsonData: {
        httpMethod: 'POST',
        // The least that $__rate_interval is made from.
        timeInterval: config.alerting.evaluation_interval,
      },
    }],
  },
  'dashboards/featurewatch': {
    apiVersion: 1,
    providers: [{
      name: 'featurewatch',
      folder: 'featurewatch',
      type: 'file',
      options: { path: config.grafana.dashboards_path },
    }],
  },
}

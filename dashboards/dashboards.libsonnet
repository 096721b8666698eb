{
  local config = $._config.featurewatch,

  grafanaDashboards+:: {
    'featurewatch-overview.json': (import 'overview.libsonnet')(config),
  },
}

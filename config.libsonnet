// The defaults. Override them as in any mixin: { _config+:: { featurewatch+: { ... } } }.
{
  _config+:: {
    featurewatch: std.parseYaml(importstr 'config.yaml'),
  },
}

// The defaults. Override them as in any mixin: { _config+:: { featurewatch+: { ... } } }.
local derived = import 'lib/derived.libsonnet';
local defaults = std.parseYaml(importstr 'config.yaml');

{
  _config+:: {
    // The kit replaces these settings by some that it has checked, and the mark with them.
    featurewatch: defaults { unchecked:: true },
  },

  featurewatchSettings:: derived($._config.featurewatch),
}

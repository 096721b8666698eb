// Alerts that many extractors can have at once.
{
  name: 'FeatureExtractionStorm',
  series: 'featurewatch:storm',

  // identities: by alert that is on, the labels that tell alerts of this name apart.
  of(config, identities)::
    if config.alerting.storm == null then []
    else [
      name
      for name in std.objectFields(identities)
      if std.objectHas(config.alerts, name) && std.member(identities[name], 'extractor')
    ],

  half(config):: std.ceil(config.alerting.storm.extractors / 2),
}

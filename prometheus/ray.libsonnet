// Ray's metrics endpoints, brought back to the names and labels of the metric contract.
local find = import 'find.libsonnet';

// Ray lists them beside its nodes; they are of the autoscaler and the dashboard, by their ports.
local others = '.*:(44217|44227)';

function(job, settings)
  if settings.targets + settings.files == [] then []
  else [{
    job_name: job + '-ray',
    relabel_configs: [
      find.drop('__address__', others),
      // Ray's own list says job="ray".
      find.job(job),
    ],
    metric_relabel_configs: [
      // Ray tells megabytes about itself, for another job to keep.
      find.keep('__name__', 'ray_feature_extraction_.+'),
      find.copy('__name__', '__name__', 'ray_(.+)'),
      // One endpoint speaks for every replica of its node.
      find.copy('replica', 'instance'),
      // Ray's labels are in capitals; they are anew with every process.
      { action: 'labeldrop', regex: '[A-Z].*|otel_scope_.+|replica' },
    ],
  } + find.sources(settings.targets, settings.files)]

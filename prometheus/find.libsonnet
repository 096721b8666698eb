// Ways to find the services. Each gives a list of scrape_configs, empty when it is not used.
local meta = '__meta_kubernetes_pod_';
local annotation = meta + 'annotation_prometheus_io_';
local copy(from, to, regex='(.+)') = { source_labels: [from], regex: regex, target_label: to };
local keep(label, regex) = { action: 'keep', source_labels: [label], regex: regex };
local drop(label, regex) = { action: 'drop', source_labels: [label], regex: regex };

{
  copy: copy,
  keep: keep,
  drop: drop,

  // The label job that the rules look for, whatever the job's own name is.
  job(name):: { target_label: 'job', replacement: std.strReplace(name, '$', '$$') },

  // Addresses in the configuration, and in files.
  sources(targets, files)::
    (if targets == [] then {} else { static_configs: [{ targets: targets }] })
    + (if files == [] then {} else { file_sd_configs: [{ files: files }] }),

  listed(job, targets, files)::
    if targets + files == [] then []
    else [
      { job_name: job }
      + self.sources(targets, files)
      // A file may name a job of its own.
      + (if files == [] then {} else { relabel_configs: [$.job(job)] }),
    ],

  pods(job, settings)::
    if !settings.enabled then []
    else [{
      job_name: job + '-kubernetes',
      kubernetes_sd_configs: [
        { role: 'pod' }
        + (if settings.namespaces == [] then {} else { namespaces: { names: settings.namespaces } })
        + (if settings.selector == null then {} else { selectors: [{ role: 'pod', label: settings.selector }] }),
      ],
      relabel_configs: [
        // Pods that have ended, or have not begun, have no metrics; neither have init containers.
        drop(meta + 'phase', 'Pending|Succeeded|Failed|Completed'),
        drop(meta + 'container_init', 'true'),
      ] + (if settings.selector == null then $.annotated else [
             keep(meta + 'container_port_name', settings.port),
           ]) + [
        copy('__meta_kubernetes_namespace', 'namespace'),
        copy(meta + 'name', 'pod'),
        $.job(job),
      ],
    }],

  // The annotations that most charts know.
  annotated:: [
    keep(annotation + 'scrape', 'true'),
    copy(annotation + 'scheme', '__scheme__', '(https?)'),
    copy(annotation + 'path', '__metrics_path__'),
    {
      source_labels: ['__address__', annotation + 'port'],
      regex: '(.+?)(?::\\d+)?;(\\d+)',
      target_label: '__address__',
      replacement: '$1:$2',
    },
  ],
}

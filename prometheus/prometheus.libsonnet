// What Prometheus scrapes, as a file of scrape_configs and as a whole configuration; see
// docs/scrape.md. One file is generated for each field.
local receivers = import '../alertmanager/receivers.libsonnet';
local find = import 'find.libsonnet';
local ray = import 'ray.libsonnet';

{
  local config = $.featurewatchSettings,
  local scrape = config.scrape,
  local own(name, otherwise) = if name != null then name else otherwise,
  local job = own(scrape.job, config.metrics.job),
  // Its path is not empty behind a proxy that has other services, too.
  local receiver =
    local parts = std.splitLimit(config.receiver.url, '/', 3);
    local path = std.rstripChars(std.join('/', parts[3:]), '/');
    { static_configs: [{ targets: [parts[2]] }] }
    + (if parts[0] == 'https:' then { scheme: 'https' } + receivers.tls(config) else {})
    + (if path == '' then {} else { metrics_path: '/' + path + '/metrics' }),

  // A Collector of OpenTelemetry's shows the labels job and instance of the services behind it.
  local theirs = if config.metrics.source == 'otel' then { honor_labels: true } else {},

  local paced(job) = job { scrape_interval: config.alerting.evaluation_interval },
  local jobs = [
    paced(found)
    for found in
      [
        found + theirs
        for found in find.listed(job, scrape.targets, scrape.files) + find.pods(job, scrape.kubernetes)
      ]
      + ray(job, scrape.ray)
      + (if receivers.remediates(config)
         then [{ job_name: own(scrape.receiver_job, config.metrics.receiver_job) } + receiver]
         else [])
  ],

  // The dashboard of alerts shows what it sent. A Prometheus that is there already scrapes its own.
  local alertmanagers = if scrape.alertmanagers == [] then [] else [
    paced({ job_name: 'alertmanager', static_configs: [{ targets: scrape.alertmanagers }] }),
  ],

  featurewatchPrometheus:: {
    scrape_configs: { scrape_configs: jobs },
    prometheus: {
      global: {
        scrape_interval: config.alerting.evaluation_interval,
        evaluation_interval: config.alerting.evaluation_interval,
      },
      rule_files: scrape.rule_files,
      alerting: { alertmanagers: [{ static_configs: [{ targets: scrape.alertmanagers }] }] },
      scrape_configs: jobs + alertmanagers,
    },
  },
}

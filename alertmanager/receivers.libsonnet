// Alertmanager's receivers: two per escalation level, and the one that remediates.
local pruned = import '../lib/pruned.libsonnet';

local template(name, of='.') = '{{ template "featurewatch.%s" %s }}' % [name, of];
// The alert that stands for its group: the first that still fires.
local first = '(index (or .Alerts.Firing .Alerts.Resolved) 0)';
local of_alert(name) = template(name, first);
local detail(expression) =
  '{{ with %s }}{{ template "featurewatch.pagerduty.detail" (%s) }}{{ end }}' % [first, expression];
// One faulty address may cost a whole message, and Slack takes 3000 characters. So what is no web
// address gives way to `otherwise`. The class is printable ASCII without "<>\.
local web_address = '^https?://[!#-;=?-\\[\\]-~]{1,1000}$';
local link(annotation, otherwise='') =
  '{{ with %s }}{{ if match `%s` .Annotations.%s }}{{ .Annotations.%s }}{{ else }}%s{{ end }}{{ end }}'
  % [first, web_address, annotation, annotation, otherwise];

{
  remediation: 'featurewatch-receiver',
  // Where alerts end that are for no person when there is no receiver that remediates.
  nobody: 'nobody',
  signal_names: ['Watchdog', 'FeaturewatchMaintenance', 'FeaturewatchCooldown'],

  // How a client checks the receiver and shows who it is; keys that are null are left out.
  tls(config)::
    if std.get(config.receiver, 'client_tls') == null then {}
    else { tls_config: pruned(config.receiver.client_tls) },

  remediates(config):: config.channels.dashboard.enabled || config.responses.enabled,

  signals(config):: if self.remediates(config) then self.remediation else self.nobody,

  // The labels of the alerts that one level of a policy tells people of.
  told(alerts, policy, level):: [
    labels
    for labels in alerts
    if labels.escalation_policy == policy && labels.escalation_level == level.level
  ],

  // Whether the end of any of them is not told.
  unresolved(alerts, policy, level)::
    std.any([std.objectHas(labels, 'auto_resolve') for labels in self.told(alerts, policy, level)]),

  // resolves=false names the receiver of alerts whose end is not told to people.
  name(policy, level, resolves=true)::
    '%s-level-%s' % [policy, level] + if resolves then '' else '-unresolved',

  new(config):: {
    local channels = config.channels,
    local reach(level, channel) = [
      config.recipients[name]
      for name in level.recipients
      if channels[channel].enabled && std.member(level.channels, channel)
    ],
    local links = [
      { text: 'Runbook', annotation: 'runbook_url', otherwise: config.links.runbook },
      { text: 'Dashboard', annotation: 'dashboard_url', otherwise: config.links.grafana },
    ] + if config.links.console == null then [] else [
      { text: 'Console', annotation: 'console_url', otherwise: config.links.console },
    ],

    email(level, resolves):: [
      {
        to: recipient.email,
        send_resolved: resolves,
        headers: { Subject: template('email.subject') },
        html: template('email.html'),
        text: template('email.text'),
      }
      for recipient in reach(level, 'email')
    ],

    slack(level, resolves):: [
      {
        api_url_file: std.get(recipient, 'slack_api_url_file'),
        channel: recipient.slack,
        send_resolved: resolves,
        username: 'featurewatch',
        color: template('slack.color'),
        local mention = std.get(recipient, 'slack_mention'),
        pretext: if mention != null then '{{ if eq .Status "firing" }}%s{{ end }}' % mention,
        mrkdwn_in: ['pretext'],
        title: template('slack.title'),
        title_link: link('dashboard_url', config.links.grafana),
        fallback: template('slack.title'),
        text: template('slack.text'),
        fields: [
          field { short: true }
          for field in [
            { title: 'Severity', value: of_alert('slack.severity') },
            { title: template('subject.kind'), value: template('slack.subject') },
            { title: 'Value', value: of_alert('slack.value') },
            { title: 'Escalation level', value: of_alert('slack.level') },
            { title: 'Response expected', value: of_alert('slack.response_time') },
            { title: 'Since', value: of_alert('slack.since') },
            { title: template('slack.duration.title'), value: of_alert('slack.duration') },
          ]
        ],
        actions: [
          { type: 'button', text: to.text, url: link(to.annotation, to.otherwise) }
          for to in links
        ] + [{ type: 'button', text: 'Silence', url: template('silence_url') }],
      }
      for recipient in reach(level, 'slack')
    ],

    pagerduty(level, resolves):: [
      {
        routing_key_file: recipient.pagerduty_routing_key_file,
        url: channels.pagerduty.url,
        send_resolved: resolves,
        client: 'featurewatch',
        client_url: link('console_url', '{{ $.ExternalURL }}'),
        source: template('subject'),
        severity: of_alert('pagerduty.severity'),
        description: template('title'),
        component: template('subject'),
        class: of_alert('class'),
        details: {
          summary: detail('.Annotations.summary'),
          description: detail('or .Annotations.description .Annotations.message .Annotations.summary (join ", " .Labels.Values)'),
          value: detail('.Annotations.value'),
          threshold: detail('.Annotations.threshold'),
          severity: detail('.Labels.severity'),
          extractor: detail('.Labels.extractor'),
          since: detail('or .Annotations.since (.StartsAt.UTC.Format "2006-01-02 15:04:05 UTC")'),
          duration: detail('.Annotations.duration'),
          escalation_policy: detail('.Labels.escalation_policy'),
          escalation_level: detail('.Labels.escalation_level'),
          response_time: detail('.Annotations.response_time'),
          // Alertmanager's own two list every label and annotation; num_firing and num_resolved stay.
          firing: '{{ if .Alerts.Firing }}%s{{ end }}' % template('pagerduty.list'),
          resolved: '{{ if not .Alerts.Firing }}%s{{ end }}' % template('pagerduty.list'),
        },
        // Alertmanager leaves out a link without address.
        links: [
          { href: link(to.annotation), text: to.text }
          for to in links
        ] + [{ href: template('silence_url'), text: 'Silence' }],
      }
      for recipient in reach(level, 'pagerduty')
    ],

    people(policy, level, resolves=true):: {
      name: $.name(policy, level.level, resolves),
      email_configs: this.email(level, resolves),
      slack_configs: this.slack(level, resolves),
      pagerduty_configs: this.pagerduty(level, resolves),
    },
    local this = self,

    remediation:: {
      name: $.remediation,
      webhook_configs: [{
        url: config.receiver.url + '/api/v1/webhook/alertmanager',
        send_resolved: true,
        http_config: {
          authorization: { type: 'Bearer', credentials_file: config.receiver.token_file },
        } + $.tls(config),
      }],
    },
  },
}

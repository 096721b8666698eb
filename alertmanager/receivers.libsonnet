// One Alertmanager receiver per escalation level, and the one that remediates.
local template(name) = '{{ template "featurewatch.%s" . }}' % name;

{
  remediation: 'featurewatch-receiver',

  remediates(config):: config.channels.dashboard.enabled || config.responses.enabled,

  name(policy, level):: '%s-level-%s' % [policy, level],

  new(config):: {
    local channels = config.channels,
    local reach(level, channel, address) = [
      config.recipients[name][address]
      for name in level.recipients
      if channels[channel].enabled && std.member(level.channels, channel)
    ],

    email(level):: [
      {
        to: to,
        send_resolved: true,
        headers: { Subject: template('email.subject') },
        html: template('email.html'),
        text: template('email.text'),
      }
      for to in reach(level, 'email', 'email')
    ],

    slack(level):: [
      {
        channel: channel,
        send_resolved: true,
        color: template('slack.color'),
        title: template('slack.title'),
        title_link: template('dashboard_url'),
        fallback: template('title'),
        text: template('slack.text'),
        fields: [
          { title: 'Severity', value: template('severity'), short: true },
          { title: 'Extractor', value: template('extractor'), short: true },
          { title: 'Escalation level', value: template('level'), short: true },
          { title: 'Response expected', value: template('response_time'), short: true },
        ],
        actions: [
          { type: 'button', text: 'Runbook', url: template('runbook_url') },
          { type: 'button', text: 'Dashboard', url: template('dashboard_url') },
        ],
      }
      for channel in reach(level, 'slack', 'slack')
    ],

    pagerduty(level):: [
      {
        routing_key_file: file,
        url: channels.pagerduty.url,
        send_resolved: true,
        severity: template('pagerduty.severity'),
        description: template('title'),
        component: template('extractor'),
        class: template('class'),
        details: {
          summary: template('summary'),
          description: template('description'),
          escalation_level: template('level'),
          response_time: template('response_time'),
        },
        links: [
          { href: template('runbook_url'), text: 'Runbook' },
          { href: template('dashboard_url'), text: 'Dashboard' },
        ],
      }
      for file in reach(level, 'pagerduty', 'pagerduty_routing_key_file')
    ],

    people(policy, level):: {
      name: $.name(policy, level.level),
      email_configs: this.email(level),
      slack_configs: this.slack(level),
      pagerduty_configs: this.pagerduty(level),
    },
    local this = self,

    remediation:: {
      name: $.remediation,
      webhook_configs: [{
        url: config.receiver.url + '/api/v1/webhook/alertmanager',
        send_resolved: true,
        http_config: {
          authorization: { type: 'Bearer', credentials_file: config.receiver.token_file },
        },
      }],
    },
  },
}

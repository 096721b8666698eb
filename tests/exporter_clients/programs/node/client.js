// Sends the work on stdin (see workload.py) with hot-shots: client.js NAME MODE ADDRESS.
'use strict';

const StatsD = require('hot-shots');

const [, , , mode, address] = process.argv;
const [host, port] = address.split(':');
const modes = {
  plain: {},
  buffered: {maxBufferSize: 1400},
  aggregated: {maxBufferSize: 1400, aggregation: true},
  'InfluxDB tags': {telegraf: true, maxBufferSize: 1400},
  TCP: {protocol: 'tcp', maxBufferSize: 1400},
};

function read(text) {
  const [milliseconds, [hits], [misses], errors, queue] =
    text.trim().split('\n').map((line) => line.split(' '));
  return {
    milliseconds: milliseconds.map(Number), hits: Number(hits), misses: Number(misses),
    errors, queue: queue.map(Number),
  };
}

function send(work) {
  const client = new StatsD({
    host, port: Number(port), globalTags: {env: 'prod', zone: 'b'},
    errorHandler: (error) => { console.error(error); process.exit(1); },
    ...modes[mode],
  });
  work.milliseconds.forEach((ms) => client.timing('features.time', ms));
  for (let i = 0; i < work.hits; i++) client.increment('features.cache.hit');
  for (let i = 0; i < work.misses; i++) client.increment('features.cache.miss', 1);
  work.errors.forEach((kind) => client.increment(`features.errors.${kind}`));
  work.queue.forEach((depth) => client.gauge('features.queue', depth));
  client.set('other.users', 'u17');
  client.decrement('other.level');
  client.histogram('other.size', 3);
  if (mode !== 'InfluxDB tags') {  // which has neither
    client.distribution('other.size', 3);
    client.event('title', 'text');
    client.check('check', client.CHECKS.WARNING);
  }
  client.close((error) => { if (error) { console.error(error); process.exit(1); } });
}

let text = '';
process.stdin.on('data', (chunk) => { text += chunk; });
process.stdin.on('end', () => send(read(text)));

// A service that logs through pino-roll, with a link to the file of the moment.
// usage: node pino_service.mjs NODE_MODULES FILE LINES PER_SECOND
import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'

const [modules, file, lines, perSecond] = process.argv.slice(2)
const require = createRequire(modules + '/')
const pino = require('pino')
const roll = require('pino-roll')

const stream = await roll({ file, size: '2k', symlink: true, mkdir: false, sync: true })
const logger = pino({ base: null, timestamp: false }, stream)
console.log('begins')
const begun = Date.now()
for (let number = 1; number <= lines; number++) {
  await sleep(Math.max(0, begun + (1000 * number) / perSecond - Date.now()))
  logger.info({ latency_ms: number })
}
stream.flush?.()
console.log('ends')
process.stdin.resume()
process.stdin.on('end', () => process.exit(0))

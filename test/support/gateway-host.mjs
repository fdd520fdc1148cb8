// Runs gateways in one process, one for each line of stdin, which is its environment as JSON.
import { createInterface } from 'node:readline'
import { run } from '../../dist/main.js'

process.stdout.write(`${JSON.stringify({ msg: 'ready', url: 'none' })}\n`)
for await (const line of createInterface({ input: process.stdin })) await run(JSON.parse(line))

// Runs gateways of a program in one process, one for each line of stdin, which is its environment as JSON.
import { createInterface } from 'node:readline'

const { run } = await import(process.argv[2])

process.stdout.write(`${JSON.stringify({ msg: 'ready', url: 'none' })}\n`)
for await (const line of createInterface({ input: process.stdin })) await run(JSON.parse(line))

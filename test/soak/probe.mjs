import { getHeapCodeStatistics } from 'node:v8'

// node --expose-gc --import ./test/soak/probe.mjs dist/main.js: on SIGWINCH the process says what it holds after a collection.
// close-with-grace takes SIGUSR2 and others for itself.
process.on('SIGWINCH', () => {
  globalThis.gc?.()
  const resources = {}
  for (const name of process.getActiveResourcesInfo()) resources[name] = (resources[name] ?? 0) + 1
  const { heapUsed, external, rss } = process.memoryUsage()
  const { code_and_metadata_size: compiled, bytecode_and_metadata_size: bytecode } = getHeapCodeStatistics()
  const { user, system } = process.cpuUsage()
  const cpuSeconds = (user + system) / 1e6
  process.stdout.write(
    `${JSON.stringify({ msg: 'probe', heapUsed, code: compiled + bytecode, external, rss, cpuSeconds, resources })}\n`,
  )
})

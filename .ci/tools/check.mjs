// npm run check:artifacts: holds what others take from this project against the tools that they use. It reads dist, so build
// first. Each check is a title and a function that gives its faults, one a line.
import { deployChecks } from './deploy.mjs'
import { imageChecks } from './image.mjs'
import { openApiChecks } from './openapi.mjs'
import { packageChecks } from './package.mjs'

let failed = 0
for (const [title, faultsOf] of Object.entries({ ...openApiChecks, ...packageChecks, ...deployChecks, ...imageChecks })) {
  const faults = await Promise.resolve().then(faultsOf).catch((error) => [error.message])
  if (faults.length > 0) failed++
  console.log(`${faults.length === 0 ? 'ok  ' : 'FAIL'} ${title}`)
  for (const fault of faults.slice(0, 50)) console.log(`     ${fault}`)
}
process.exit(failed === 0 ? 0 : 1)

// node .ci/release-notes.mjs v1.2.3: prints the entry of CHANGELOG.md for a release. Ends with 1 and says what is missing unless
// tag, version, changelog and, in GitHub Actions, the address of the repository fit together.
import { readFileSync } from 'node:fs'

const tag = process.argv[2] ?? ''
const { version, repository } = JSON.parse(readFileSync('package.json', 'utf8'))
const locked = JSON.parse(readFileSync('package-lock.json', 'utf8')).version
const [, entry] =
  readFileSync('CHANGELOG.md', 'utf8')
    .split(/^## /m)
    .map((text) => /^\[(?<name>[^\]]+)\] - \d{4}-\d{2}-\d{2}\n(?<notes>.*)$/s.exec(text)?.groups)
    .map((found) => found && [found.name, found.notes.trim()])
    .find((found) => found?.[0] === version) ?? []

const home = process.env.GITHUB_REPOSITORY
const faults = [
  tag !== `v${version}` && `The tag is ${tag || 'missing'}; wanted: v${version}, the version of package.json.`,
  locked !== version && `package-lock.json has version ${locked}; wanted: ${version}.`,
  !entry && `CHANGELOG.md has no entry; wanted: ## [${version}] - <date>, and what changed.`,
  home &&
    repository?.url !== `git+https://github.com/${home}.git` &&
    `package.json names another repository; wanted: "repository": { "type": "git", "url": "git+https://github.com/${home}.git" }.`,
].filter(Boolean)

if (faults.length > 0) {
  process.stderr.write(`${faults.join('\n')}\n`)
  process.exit(1)
}
process.stdout.write(`${entry}\n`)

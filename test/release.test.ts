import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { NoOperationTraceWriter, parseWorkflow } from '@actions/workflow-parser'
import { afterAll, describe, expect, it } from '@jest/globals'
import { parse } from 'yaml'

const project = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string): string => readFileSync(join(project, path), 'utf8')
const workflows = ['ci.yml', 'release.yml'].map((name) => [name, read(`.github/workflows/${name}`)] as const)

/** What GitHub's own parser finds in a workflow. */
const faultsIn = (name: string, content: string): string[] => {
  const { context } = parseWorkflow({ name, content }, new NoOperationTraceWriter())
  return context.errors.getErrors().map(({ message }) => message)
}

describe('the workflows', () => {
  it.each(workflows)('%s is valid by the parser of GitHub', (name, content) => {
    expect(faultsIn(name, content)).toEqual([])
  })

  it('with a fault are found out', () => {
    const [, ci = ''] = workflows[0] ?? []
    expect(faultsIn('ci.yml', ci.replace('runs-on:', 'run-on:'))).not.toEqual([])
    expect(faultsIn('ci.yml', ci.replace('contents: read', 'contents: some'))).not.toEqual([])
    expect(faultsIn('ci.yml', ci.replace('matrix.node }}-', 'matrix..node }}-'))).not.toEqual([])
  })

  it('test on Node 20, 22 and 24, and the release comes after', () => {
    const [ci, release] = workflows.map(([, content]) => parse(content))
    expect(ci.jobs.test.strategy.matrix.node).toEqual([20, 22, 24])
    expect(release.jobs.test.uses).toBe('./.github/workflows/ci.yml')
    expect(release.jobs.release.needs).toBe('test')
  })

  it('publish with the identity of the run alone: no secret but that of the run, rights where they are used', () => {
    const [ci, release] = workflows.map(([, content]) => parse(content))
    expect([ci.permissions, release.permissions]).toEqual([{ contents: 'read' }, { contents: 'read' }])
    expect(release.jobs.release.permissions).toMatchObject({ 'id-token': 'write' })
    const text = workflows.map(([, content]) => content).join('')
    const secrets = [...text.matchAll(/secrets\.(\w+)/g)].map(([, name]) => name)
    expect([...new Set(secrets)]).toEqual(['GITHUB_TOKEN'])
    expect(text).toMatch(/npm publish --provenance/)
  })
})

describe('the notes of a release', () => {
  const folder = mkdtempSync(join(tmpdir(), 'release-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  const url = 'git+https://github.com/acme/chathub-gateway.git'
  const files = {
    'package.json': JSON.stringify({ version: '1.2.0', repository: { type: 'git', url } }),
    'package-lock.json': JSON.stringify({ version: '1.2.0' }),
    'CHANGELOG.md':
      '# Changelog\n\n## [Unreleased]\n\n## [1.2.0] - 2026-12-01\n\n### API\n\n- New.\n\n## [1.1.0] - 2026-11-01\n\n- Old.\n',
  }
  const notes = (tag: string, changed: Partial<typeof files> = {}, repository = 'acme/chathub-gateway') => {
    for (const [name, text] of Object.entries({ ...files, ...changed }))
      writeFileSync(join(folder, name), text)
    const env = { PATH: process.env['PATH'] ?? '', GITHUB_REPOSITORY: repository }
    const program = join(project, '.ci/release-notes.mjs')
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, tag], { cwd: folder, env })
    return [status, `${stdout}${stderr}`]
  }

  it('are the entry of the changelog', () => {
    expect(notes('v1.2.0')).toEqual([0, '### API\n\n- New.\n'])
  })

  it.each([
    ['another tag', 'v1.2.1', {}, undefined, /^The tag is v1\.2\.1; wanted: v1\.2\.0/],
    [
      'no entry',
      'v1.2.0',
      { 'CHANGELOG.md': '## [Unreleased]\n\n- New.\n' },
      undefined,
      /no entry; wanted: ## \[1\.2\.0\]/,
    ],
    [
      'an old lock file',
      'v1.2.0',
      { 'package-lock.json': '{"version":"1.1.0"}' },
      undefined,
      /version 1\.1\.0/,
    ],
    ['another repository', 'v1.2.0', {}, 'fork/chathub-gateway', /github\.com\/fork\/chathub-gateway\.git/],
  ])('are refused for %s, which is named', (_what, tag, changed, repository, message) => {
    expect(notes(tag, changed, repository)).toEqual([1, expect.stringMatching(message)])
  })
})

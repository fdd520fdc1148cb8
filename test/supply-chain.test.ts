import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from '@jest/globals'
import { parse } from 'yaml'

type Package = { dev?: boolean; optional?: boolean; version: string; integrity?: string; resolved?: string }
const project = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string): string => readFileSync(join(project, path), 'utf8')
const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, Package> }
const production = Object.entries(packages).filter(([path, { dev }]) => path !== '' && !dev)

describe('the packages', () => {
  it('of a production install are at most 100', () => {
    expect(production.length).toBeGreaterThan(20)
    expect(production.length).toBeLessThanOrEqual(100)
  })

  it('each have the hash of their content, and none has another source than the registry', () => {
    for (const [path, { resolved, integrity, optional }] of Object.entries(packages)) {
      // The lock file has no hash for development tools of other systems than the one it was made on.
      if (path === '' || optional) continue
      expect([path, integrity]).toEqual([path, expect.stringMatching(/^sha512-/)])
      expect([path, resolved ?? 'https://registry.npmjs.org/']).toEqual([
        path,
        expect.stringMatching(/^https:\/\/registry\.npmjs\.org\//),
      ])
    }
  })

  it('run no script when they are installed, and the commands of the project need none before or after', () => {
    expect(read('.npmrc')).toMatch(/^ignore-scripts=true$/m)
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    const lifecycle = Object.keys(scripts).filter((name) => /^(pre|post)|^(install|prepare)$/.test(name))
    // It runs where the tarball is made, and never where it is installed.
    expect(lifecycle).toEqual(['prepack'])
  })

  it('of production are in the SBOM, all and alone, each with its purl and its hash', () => {
    type Component = { purl: string; hashes?: { alg: string; content: string }[] }
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    const [command = '', ...args] = scripts['sbom']?.split(' ') ?? []
    const text = execFileSync(command, args, { cwd: project, encoding: 'utf8', maxBuffer: 2 ** 26 })
    const sbom = JSON.parse(text) as { bomFormat: string; components: Component[] }
    expect(sbom.bomFormat).toBe('CycloneDX')
    const hashOf = ({ integrity = '' }: Package): string =>
      Buffer.from(integrity.slice(7), 'base64').toString('hex')
    const hashes = sbom.components.map(({ hashes: [hash] = [] }) => hash?.content).toSorted()
    expect(hashes).toEqual([...new Set(production.map(([, each]) => hashOf(each)))].toSorted())
    for (const { purl } of sbom.components) expect(purl).toMatch(/^pkg:npm\//)
  })
})

describe('the image', () => {
  const dockerfile = read('Dockerfile')
  const release = parse(read('.github/workflows/release.yml')) as {
    jobs: { release: { env: Record<string, string>; steps: { run?: string; uses?: string }[] } }
  }
  const bases = ['BUILD_IMAGE', 'RUNTIME_IMAGE'] as const
  const shellForm = /^(?:CMD|ENTRYPOINT) (?!\[)/m

  it('takes its bases as arguments, and the release gives each with its digest', () => {
    const { env, steps } = release.jobs.release
    const commands = steps.map(({ run = '' }) => run).join('\n')
    for (const name of bases) {
      expect(dockerfile).toContain(`ARG ${name}=${env[name]}\n`)
      expect(commands).toContain(`--build-arg ${name}`)
    }
    expect(commands).toMatch(
      /for name in BUILD_IMAGE RUNTIME_IMAGE;.*imagetools inspect.*\.digest.*GITHUB_ENV/s,
    )
    const from = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image)
    expect(from.map((image) => image?.slice(2, -1))).toEqual(['BUILD_IMAGE', 'BUILD_IMAGE', 'RUNTIME_IMAGE'])
    // A digest in a file would be one that nobody resolved today.
    expect(dockerfile + read('.github/workflows/release.yml')).not.toMatch(/sha256:[0-9a-f]{64}/)
  })

  it('needs no shell: the last stage runs nothing, and its commands are lists', () => {
    const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '))
    expect(last).not.toMatch(/^RUN /m)
    expect(last).not.toMatch(shellForm)
    expect(last).toMatch(/HEALTHCHECK .*CMD \["\/nodejs\/bin\/node", "-e", ".*\/livez/s)
    expect(last).toMatch(/^USER 65532:65532$/m)
    expect('CMD node dist/main.js').toMatch(shellForm)
    const { services } = parse(read('docker-compose.yml'), { merge: true })
    // The image starts node itself.
    expect(services.simulator.command[0]).toMatch(/^dist\/.*\.js$/)
  })

  it('installs without scripts, and the workflows pin each action by its commit', () => {
    for (const [command] of dockerfile.matchAll(/^RUN npm ci.*$/gm))
      expect(command).toContain('--ignore-scripts')
    const used = ['ci', 'release'].flatMap(
      (name) => read(`.github/workflows/${name}.yml`).match(/uses: .*/g) ?? [],
    )
    expect(used.length).toBeGreaterThan(2)
    for (const line of used) expect(line).toMatch(/@[0-9a-f]{40} # v\d|: \.\/\.github\//)
  })
})

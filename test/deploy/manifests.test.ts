import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseEnv } from 'node:util'
import { afterAll, describe, expect, it } from '@jest/globals'
import { parse, parseAllDocuments } from 'yaml'
import { readConfig } from '../../src/config.ts'
import { endpoints } from '../../src/contract/endpoints.ts'
import { describeWith } from '../support/needs.ts'

const project = fileURLToPath(new URL('../..', import.meta.url))
const read = (path: string): string => readFileSync(join(project, path), 'utf8')
const folder = mkdtempSync(join(tmpdir(), 'deploy-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** What the files of secrets hold, by the names under which the deployments give them. */
const secrets: Record<string, string> = {
  'chathub-token': 'ct_x',
  'redis-url': 'redis://redis:6379',
  'encryption-secret': 's'.repeat(32),
  'clients.json': '{"clients":[{"id":"a","keyHash":"sha256:'.concat('0'.repeat(64), '","scopes":[]}]}'),
}
for (const [name, text] of Object.entries(secrets)) writeFileSync(join(folder, name), text)
/** The settings, with files in place of those of the deployment. */
const configOf = (env: Record<string, string>, folders: string[]) =>
  readConfig(
    Object.fromEntries(
      Object.entries(env).map(([name, value]) => [
        name,
        folders.reduce((text, prefix) => text.replace(prefix, `${folder}/`), value),
      ]),
    ),
  )
const openPaths = Object.values(endpoints).flatMap(({ path, scope }) => (scope === 'open' ? [path] : []))

// biome-ignore lint/suspicious/noExplicitAny: `npm run check:artifacts` holds them against the schemas of Kubernetes
type Manifest = any

describe('the manifests for Kubernetes', () => {
  const kustomization: Manifest = parse(read('deploy/kubernetes/kustomization.yaml'))
  const manifests: Manifest[] = kustomization.resources.flatMap((name: string) =>
    parseAllDocuments(read(`deploy/kubernetes/${name}`)).map((document) => document.toJS()),
  )
  const ofKind = (kind: string): Manifest[] => manifests.filter((each) => each.kind === kind)
  const [deployment] = ofKind('Deployment')
  const pod = deployment.spec.template
  const [container] = pod.spec.containers

  it('select the pods of the deployment, by ports that these have', () => {
    const { labels } = pod.metadata
    const selectors = [
      deployment.spec.selector.matchLabels,
      ...ofKind('Service').map(({ spec }) => spec.selector),
      ...ofKind('PodDisruptionBudget').map(({ spec }) => spec.selector.matchLabels),
      ...ofKind('NetworkPolicy').map(({ spec }) => spec.podSelector.matchLabels),
    ]
    for (const selector of selectors) expect(labels).toMatchObject(selector)
    const ports: string[] = container.ports.map(({ name }: { name: string }) => name)
    const named = [
      ...ofKind('Service').flatMap(({ spec }) => spec.ports.map((each: Manifest) => each.targetPort)),
      ...ofKind('NetworkPolicy').flatMap(({ spec }) =>
        spec.ingress.flatMap((rule: Manifest) => rule.ports.map((each: Manifest) => each.port)),
      ),
    ]
    expect(new Set(named)).toEqual(new Set(ports))
    // The listener for operators is in no service of callers.
    const [service, ops] = ofKind('Service')
    expect([service, ops].map(({ spec }) => spec.ports.map((each: Manifest) => each.targetPort))).toEqual([
      ['http'],
      ['ops'],
    ])
  })

  it('give valid settings, and secrets by reference alone', () => {
    const [config] = ofKind('ConfigMap')
    expect(container.envFrom).toEqual([{ configMapRef: { name: config.metadata.name } }])
    const own = Object.fromEntries(container.env.map(({ name, value }: Manifest) => [name, value]))
    const [mount] = container.volumeMounts
    const settings = configOf({ ...config.data, ...own }, [`${mount.mountPath}/`])
    expect([settings.warnings, settings.host]).toEqual([[], '0.0.0.0'])
    const ports = Object.fromEntries(
      container.ports.map(({ name, containerPort }: Manifest) => [name, containerPort]),
    )
    expect(ports).toEqual({ http: settings.port, ops: settings.opsPort })
    expect(settings.instances).toBe(
      deployment.spec.replicas + deployment.spec.strategy.rollingUpdate.maxSurge,
    )
    expect(pod.spec.volumes[0].secret.secretName).toBe('chathub-gateway')
    expect(ofKind('Secret')).toEqual([])
  })

  it('ask only paths that need no credential, and wait longer than a gateway takes to end', () => {
    for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe'])
      expect(openPaths).toContain(container[probe].httpGet.path)
    const pause = container.lifecycle.preStop.sleep.seconds
    expect(pod.spec.terminationGracePeriodSeconds - pause).toBeGreaterThan(25)
  })

  it('start the image as it is: no root, a read-only file system, no capabilities', () => {
    const user = Number(/^USER (\d+):/m.exec(read('Dockerfile'))?.[1])
    expect(pod.spec.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: user })
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
    expect(pod.spec.automountServiceAccountToken).toBe(false)
  })
})

describe('the unit for systemd', () => {
  const lines = read('deploy/systemd/chathub-gateway.service')
    .split('\n')
    .filter((line) => !/^(#|$)/.test(line))
  /** The values of a key, in order. */
  const valuesOf = (key: string): string[] =>
    lines.flatMap((line) => (line.startsWith(`${key}=`) ? [line.slice(key.length + 1)] : []))

  it('has sections and assignments alone', () => {
    expect(lines.filter((line) => line.startsWith('['))).toEqual(['[Unit]', '[Service]', '[Install]'])
    for (const line of lines) expect(line).toMatch(/^(\[\w+\]|[A-Z]\w+=.*)$/)
  })

  it('starts the program of the package, with valid settings and every secret as a credential', () => {
    const { name, bin } = JSON.parse(read('package.json'))
    const [start = ''] = valuesOf('ExecStart')
    expect(start).toBe(`/usr/bin/node /opt/chathub-gateway/node_modules/${name}/dist/main.js`)
    expect(bin[name]).toBe('dist/cli.js')
    const env = parseEnv(valuesOf('Environment').join('\n')) as Record<string, string>
    expect(configOf(env, ['%d/', '/etc/chathub-gateway/']).warnings).toEqual([])
    const credentials = valuesOf('LoadCredential').map((text) => text.split(':')[0])
    const used = Object.values(env).flatMap((value) => (value.startsWith('%d/') ? [value.slice(3)] : []))
    expect(credentials).toEqual(used)
  })

  it('waits longer than a gateway takes to end, and starts again unless the settings are wrong', () => {
    expect(Number(valuesOf('TimeoutStopSec')[0])).toBeGreaterThan(25)
    expect(valuesOf('Restart')).toEqual(['on-failure'])
    expect(valuesOf('RestartPreventExitStatus')).toEqual(['78'])
  })

  it('may do little: no root, no capabilities, no writes, no other users', () => {
    const wanted = {
      DynamicUser: 'yes',
      CapabilityBoundingSet: '',
      NoNewPrivileges: 'yes',
      ProtectSystem: 'strict',
      ProtectHome: 'yes',
      PrivateTmp: 'yes',
      PrivateDevices: 'yes',
      RestrictNamespaces: 'yes',
      SystemCallArchitectures: 'native',
    }
    for (const [key, value] of Object.entries(wanted)) expect([key, valuesOf(key)]).toEqual([key, [value]])
  })
})

describeWith('systemd-analyze', 'systemd itself', ({ command, env }) => {
  const analyze = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(command, args, {
      env: { ...process.env, ...env },
      encoding: 'utf8',
    })
    return { status, output: stdout + stderr }
  }
  const unit = join(folder, 'chathub-gateway.service')
  const write = (change: (text: string) => string = (text) => text): void =>
    writeFileSync(
      unit,
      change(read('deploy/systemd/chathub-gateway.service').replace('/usr/bin/node', process.execPath)),
    )

  it('accepts the unit, and finds faults in others', () => {
    write()
    expect(analyze('verify', '--man=no', unit)).toEqual({ status: 0, output: '' })
    write((text) => text.replace('ProtectHome=yes', 'ProtectHome=perhaps'))
    expect(analyze('verify', '--man=no', unit).output).toContain('protect home value')
  })

  it('rates its exposure below 2 of 10', () => {
    write()
    const rating = ['security', '--offline=true', '--no-pager', '--threshold=20', unit]
    expect(analyze(...rating)).toMatchObject({ status: 0 })
    write((text) => text.replace(/^SystemCallFilter.*\n/gm, '').replace('PrivateUsers=yes', ''))
    expect(analyze(...rating).status).not.toBe(0)
  })
})

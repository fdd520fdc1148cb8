import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const DAY = 24 * 60 * 60 * 1000
const LIMIT = 10 * 60 * 1000

/**
 * Downloads `packages` with those of their dependencies that this machine lacks and unpacks all into `root`.
 * Nothing is installed and root is not needed: apt keeps its lists and locks in `home`, and only reads the
 * system's sources and the system's record of what is installed.
 * @throws with apt's own last words when there is no apt, no network or no such package.
 */
export const unpackDebian = (home: string, packages: readonly string[], root: string): void => {
  const apt = prepareApt(home)
  if (!apt.hasFreshLists()) apt.update()
  try {
    apt.unpack(packages, root)
  } catch {
    // Lists younger than a day may still name files that the mirror has replaced.
    apt.update()
    try {
      apt.unpack(packages, root)
    } catch (error) {
      const backports = apt.backports()
      if (backports === '') throw error
      const withBackports = prepareApt(`${home}-backports`, backports)
      withBackports.update()
      withBackports.unpack(packages, root)
    }
  }
}

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'

/** `sources`: used instead of those of the system. */
const prepareApt = (home: string, sources = '') => {
  const config = join(home, 'apt.conf')
  const stamp = join(home, 'lists-updated')
  for (const folder of ['state/lists/partial', 'cache/archives/partial']) {
    mkdirSync(join(home, folder), { recursive: true })
  }
  writeFileSync(join(home, 'sources.list'), sources)
  const ownSources = `Dir::Etc::sourcelist "${home}/sources.list";\nDir::Etc::sourceparts "-";\n`
  writeFileSync(config, aptConfig(home) + (sources && ownSources))
  const env = { ...process.env, APT_CONFIG: config, LC_ALL: 'C' }

  const hasFreshLists = (): boolean => {
    const updated = statSync(stamp, { throwIfNoEntry: false })
    return updated !== undefined && Date.now() - updated.mtimeMs < DAY
  }
  /** Debian's own mirror with what it has ported back to this release: packages that are newer than the release. */
  const backports = (): string => {
    const format = '$(ORIGIN) $(COMPONENT) $(SITE) $(RELEASE)'
    const targets = run('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'], home, env)
    const [, site, release] = /^Debian main (\S+) ([a-z]+)$/m.exec(targets) ?? []
    const signed = existsSync(keyring) ? `[signed-by=${keyring}] ` : ''
    const suites = [release, `${release}-backports`]
    return site ? suites.map((suite) => `deb ${signed}${site} ${suite} main\n`).join('') : ''
  }
  const update = (): void => {
    run('apt-get', ['-q', 'update'], home, env)
    writeFileSync(stamp, '')
  }
  /** What an installation would bring, as `name=version`: the closure of dependencies less what is there. */
  const closureOf = (packages: readonly string[]): string[] => {
    const plan = run('apt-get', ['-q', '-s', '--no-install-recommends', 'install', ...packages], home, env)
    return [...plan.matchAll(/^Inst (\S+) (?:\[[^\]]*\] )?\((\S+) /gm)].map(
      ([, name, version]) => `${name}=${version}`,
    )
  }
  const unpack = (packages: readonly string[], root: string): void => {
    const missing = closureOf(packages)
    const debs = `${root}.debs`
    for (const folder of [root, debs]) {
      rmSync(folder, { recursive: true, force: true })
      mkdirSync(folder, { recursive: true })
    }
    if (missing.length > 0) run('apt-get', ['-q', 'download', ...missing], debs, env)
    for (const deb of readdirSync(debs)) run('dpkg-deb', ['-x', join(debs, deb), root], home, env)
    rmSync(debs, { recursive: true, force: true })
  }
  return { hasFreshLists, update, unpack, backports }
}

/** The hooks are cleared because they act on the system: they tidy its cache and wake its desktop's services. */
const aptConfig = (home: string): string => `
Dir::State "${home}/state";
Dir::State::status "/var/lib/dpkg/status";
Dir::Cache "${home}/cache";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "1";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
`

const run = (command: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv): string => {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    env,
    encoding: 'utf8',
    timeout: LIMIT,
  })
  if (status === 0) return stdout
  const words = error?.message ?? stderr.trim().split('\n').slice(-3).join(' ')
  throw new Error(`${command} ${args.slice(0, 4).join(' ')}: ${words}`)
}

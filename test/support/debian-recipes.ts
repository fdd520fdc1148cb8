import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export type Program =
  | 'redis-server'
  | 'valkey-server'
  | 'chromium'
  | 'php'
  | 'python-requests'
  | 'nginx'
  | 'prometheus'
  | 'systemd-analyze'
  | 'wrk'

/** How to run a program: `env` is added to the caller's own environment. */
export type Provided = { command: string; env: Record<string, string> }

export type Recipe = {
  /** Debian's names; also what a person types after `apt-get install`. */
  packages: readonly string[]
  /** File names looked for on the PATH, the first that serves wins. */
  onPath: readonly string[]
  /** Paths inside an unpacked root, without the leading slash. */
  inRoot: readonly string[]
  /** What the program needs beside its libraries to run from `root`; may write files there. */
  prepare?: (root: string) => Record<string, string>
  /** Asked when being there is not enough (an interpreter may lack the library): the command to use, if it serves. */
  proven?: (provided: Provided) => string | undefined
}

/** PHP reads `root/php.d` after the system's own folder (the leading colon), so an installed PHP keeps its own. */
const preparePhp = (root: string): Record<string, string> => {
  const api = join(root, 'usr/lib/php')
  const libraries = existsSync(api) ? readdirSync(api).map((version) => join(api, version)) : []
  const lines = ['curl', 'ctype', 'fileinfo', 'iconv', 'posix', 'sockets', 'tokenizer']
    .flatMap((name) => libraries.map((folder) => join(folder, `${name}.so`)))
    .filter((file) => existsSync(file))
    .map((file) => `extension=${file}\n`)
  mkdirSync(join(root, 'php.d'), { recursive: true })
  writeFileSync(join(root, 'php.d/extensions.ini'), lines.join(''))
  return { PHP_INI_SCAN_DIR: `:${join(root, 'php.d')}` }
}

/** Without a font Chromium draws empty boxes, so the fonts of the root stand beside the system's. */
const prepareChromium = (root: string): Record<string, string> => {
  const prefer = (family: string, font: string) =>
    `<alias><family>${family}</family><prefer><family>${font}</family></prefer></alias>`
  const fonts = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
<dir>/usr/share/fonts</dir><dir>${root}/usr/share/fonts</dir>
<cachedir>${root}/fonts-cache</cachedir>
<include ignore_missing="yes">/etc/fonts/conf.d</include>
<include ignore_missing="yes">${root}/etc/fonts/conf.d</include>
${prefer('sans-serif', 'DejaVu Sans')}${prefer('serif', 'DejaVu Serif')}${prefer('monospace', 'DejaVu Sans Mono')}
</fontconfig>
`
  writeFileSync(join(root, 'fonts.conf'), fonts)
  return {
    FONTCONFIG_FILE: join(root, 'fonts.conf'),
    XDG_DATA_DIRS: `${root}/usr/share:/usr/local/share:/usr/share`,
  }
}

const runsWith =
  (...args: readonly string[]) =>
  (provided: Provided): string | undefined =>
    outputOf(provided, args) === undefined ? undefined : provided.command

/** A `python3` of the PATH may be a shim that needs its own environment; this is the interpreter behind it. */
const interpreterWithRequests = (provided: Provided): string | undefined =>
  outputOf(provided, ['-c', 'import requests, sys; print(sys.executable)'])?.trim()

const outputOf = ({ command, env }: Provided, args: readonly string[]): string | undefined => {
  const options = { env: { ...process.env, ...env }, encoding: 'utf8', timeout: 20_000 } as const
  const { status, stdout } = spawnSync(command, args, options)
  return status === 0 ? stdout : undefined
}

export const recipes: Record<Program, Recipe> = {
  'redis-server': { packages: ['redis-server'], onPath: ['redis-server'], inRoot: ['usr/bin/redis-server'] },
  'valkey-server': {
    packages: ['valkey-server'],
    onPath: ['valkey-server'],
    inRoot: ['usr/bin/valkey-server'],
  },
  chromium: {
    packages: ['chromium', 'fonts-dejavu-core'],
    onPath: ['chromium', 'chromium-browser', 'google-chrome'],
    // Not usr/bin/chromium: that script reads /etc and looks for the browser in the system's folders.
    inRoot: ['usr/lib/chromium/chromium'],
    prepare: prepareChromium,
    proven: runsWith('--version'),
  },
  php: {
    packages: ['php-cli', 'php-curl'],
    onPath: ['php'],
    // /usr/bin/php is made at installation, by update-alternatives.
    inRoot: ['usr/bin/php8.2', 'usr/bin/php8.4', 'usr/bin/php8.3'],
    prepare: preparePhp,
    proven: runsWith('-r', 'exit(function_exists("curl_init") ? 0 : 1);'),
  },
  'python-requests': {
    packages: ['python3-requests'],
    onPath: ['python3', '/usr/bin/python3'],
    inRoot: ['usr/bin/python3'],
    prepare: (root) => ({ PYTHONPATH: join(root, 'usr/lib/python3/dist-packages') }),
    proven: interpreterWithRequests,
  },
  nginx: { packages: ['nginx'], onPath: ['nginx', '/usr/sbin/nginx'], inRoot: ['usr/sbin/nginx'] },
  // promtool is beside it.
  prometheus: { packages: ['prometheus'], onPath: ['prometheus'], inRoot: ['usr/bin/prometheus'] },
  'systemd-analyze': {
    packages: ['systemd'],
    onPath: ['systemd-analyze'],
    inRoot: ['usr/bin/systemd-analyze'],
    proven: runsWith('--version'),
  },
  wrk: { packages: ['wrk'], onPath: ['wrk'], inRoot: ['usr/bin/wrk'] },
}

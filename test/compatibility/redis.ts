/** A form of REDIS_URL, and what becomes of it. `test`: the suite that runs through the row. */
export type RedisUrlForm = {
  form: string
  example: string
  result: string
  /** What is read, less what every URL has. Undefined: it is refused. */
  read?: object
}

const refused = 'refused at the start with exit code 78: wanted: '
const read = (form: string, example: string, address: object): RedisUrlForm => ({
  form,
  example,
  result: 'read',
  read: address,
})
const fault = (form: string, example: string, wanted: string): RedisUrlForm => ({
  form,
  example,
  result: refused + wanted,
})
const at = (host: string, port = 6379): object => ({ nodes: [{ host, port }] })
const wantedScheme = 'redis://, rediss://, redis+sentinel://host,host/name or redis+cluster://host,host'
const wantedLogin = 'user:password@ or :password@ before the host; a colon in a user is written %3A'
const wantedHost = 'a host name, an IPv4 address or an IPv6 address in brackets'
const wantedBrackets = 'an IPv6 address in brackets, such as redis://[::1]:6379'
const wantedDatabase = 'a database number after the host, such as /0'

/** `secret` in an example stands for what no sentence may repeat. */
export const urlForms: RedisUrlForm[] = [
  read('a host', 'redis://cache', at('cache')),
  read('a host and a port', 'redis://redis_1:6380', at('redis_1', 6380)),
  read('a scheme in capitals', 'REDIS://cache', at('cache')),
  read('a name in other letters', 'redis://кеш', at('xn--e1aj7b')),
  read('TLS', 'rediss://cache.example', { ...at('cache.example'), tls: true }),
  read('a database number', 'redis://cache/3', { ...at('cache'), db: 3 }),
  read('a database number as a parameter', 'redis://cache?db=3&family=6', {
    ...at('cache'),
    db: 3,
    family: 6,
  }),
  read('a password alone', 'redis://:secret@cache', { ...at('cache'), password: 'secret' }),
  read('a user and a password', 'redis://gw:secret@cache', {
    ...at('cache'),
    username: 'gw',
    password: 'secret',
  }),
  read('an empty login', 'redis://:@cache', at('cache')),
  ...[
    'sec#ret',
    'sec?ret',
    'sec@ret',
    'sec/ret',
    'sec%ret',
    'sec:ret',
    'sec ret',
    'sec[ret]',
    '#?@/%:&=+,',
    '50%',
    'ключ',
  ].map((password) =>
    read('a password with raw characters', `redis://gw:${password}@cache:6379/1`, {
      ...at('cache'),
      username: 'gw',
      password,
      db: 1,
    }),
  ),
  read('a password with encoded characters', 'redis://:s%23%3F%40%2F%25%D0%BA@cache', {
    ...at('cache'),
    password: 's#?@/%к',
  }),
  read('a user with a colon, encoded', 'redis://team%3Agw:secret@cache', {
    ...at('cache'),
    username: 'team:gw',
    password: 'secret',
  }),
  read('a user with an @', 'redis://gw@team:secret@cache', {
    ...at('cache'),
    username: 'gw@team',
    password: 'secret',
  }),
  read('IPv6', 'redis://[::1]', at('::1')),
  read('IPv6 with a port', 'redis://[2001:db8::7]:6380/2', { ...at('2001:db8::7', 6380), db: 2 }),
  read('IPv6 with a login', 'rediss://:sec@ret@[::1]:6379', { ...at('::1'), tls: true, password: 'sec@ret' }),
  read('IPv6 with a zone', 'redis://[fe80::1%25eth0]', at('fe80::1%eth0')),
  read('IPv6 of an IPv4 address', 'redis://[::ffff:10.0.0.1]:6379', at('::ffff:10.0.0.1')),
  read('Sentinels', 'redis+sentinel://gw:s#c,r/t@one,two:26380,[::1],[::2]:5000/team', {
    kind: 'sentinel',
    username: 'gw',
    password: 's#c,r/t',
    master: 'team',
    nodes: [
      { host: 'one', port: 26379 },
      { host: 'two', port: 26380 },
      { host: '::1', port: 26379 },
      { host: '::2', port: 5000 },
    ],
  }),
  read('Sentinels and a database number', 'redis+sentinel://one/team/2', {
    kind: 'sentinel',
    master: 'team',
    db: 2,
    nodes: [{ host: 'one', port: 26379 }],
  }),
  read('a cluster', 'redis+cluster://:se?cret@one:7000, [::1]:7001,two/0', {
    kind: 'cluster',
    password: 'se?cret',
    nodes: [
      { host: 'one', port: 7000 },
      { host: '::1', port: 7001 },
      { host: 'two', port: 6379 },
    ],
  }),
  read('a cluster over TLS', 'rediss+cluster://one', { kind: 'cluster', tls: true, ...at('one') }),

  fault('no scheme', 'cache:6379', wantedScheme),
  fault('another scheme', 'http://cache', wantedScheme),
  fault('a socket', 'unix:///run/redis.sock', wantedScheme),
  fault('two lines', 'redis://:sec\nret@cache', 'one line'),
  fault('a user without a password', 'redis://secret@cache', wantedLogin),
  fault('no host', 'redis://', 'a host after the login, and a port from 1 to 65535 after the host if any'),
  fault(
    'no host after the login',
    'redis://:secret@',
    'a host after the login, and a port from 1 to 65535 after the host if any',
  ),
  fault(
    'a login without @',
    'redis://gw:secret',
    'a host after the login, and a port from 1 to 65535 after the host if any',
  ),
  fault('a port out of range', 'redis://:secret@cache:99999', 'a port from 1 to 65535'),
  fault('a name that is none', 'redis://:secret@ca che', wantedHost),
  fault('an address that is none', 'redis://:secret@999.1.1.1', wantedHost),
  fault('a fragment', 'redis://:secret@cache#1', wantedHost),
  fault('IPv6 without brackets', 'redis://:secret@2001:db8::7', wantedBrackets),
  fault('IPv6 without brackets in a list', 'redis+sentinel://one,::1/team', wantedBrackets),
  fault('brackets around something else', 'redis://[cache]', wantedHost),
  fault(
    'a list behind redis://',
    'redis://one,two',
    'one host; a list of hosts needs redis+sentinel:// or redis+cluster://',
  ),
  fault(
    'a gap in a list',
    'redis+cluster://one,,two',
    'a host after the login, and a port from 1 to 65535 after the host if any',
  ),
  fault(
    'Sentinels without a name',
    'redis+sentinel://:secret@one,two/',
    'the name of the master after the hosts: redis+sentinel://host,host/name',
  ),
  fault('a database that is no number', 'redis://:secret@cache/main', wantedDatabase),
  fault('a negative database', 'redis://:secret@cache/-1', wantedDatabase),
  fault(
    'a database of a cluster',
    'redis+cluster://one/1',
    'no database number, because a cluster has only 0',
  ),
  fault(
    'another parameter',
    'redis://:secret@cache?ssl_cert_reqs=none',
    'no parameter after ? but db and family',
  ),
]

/** A user of Redis whose rights do not suffice, and what `/v1/upstream` then says. `rules`: after `+@all` and all keys. */
export type LimitedUser = { form: string; example: string; result: string; rules: string[]; reason: RegExp }

const limited = (form: string, rules: string[], reason: RegExp): LimitedUser => ({
  form,
  example: rules.join(' '),
  result: 'state `refused` with the reason of Redis; writes get 503 at once, reads go on',
  rules,
  reason,
})
export const limitedUsers: LimitedUser[] = [
  limited('a user without channels', ['resetchannels'], /^PUBLISH: NOPERM .*channels/),
  limited('a user with other channels', ['resetchannels', '&other:*'], /NOPERM .*channels/),
  limited('a user that may not publish', ['-publish'], /^PUBLISH: NOPERM .*publish/),
  limited('a user that may not subscribe', ['-subscribe'], /^SUBSCRIBE: NOPERM .*subscribe/),
  limited('a user that may run no script', ['-@scripting'], /^EVAL(SHA)?: NOPERM .*eval/),
  limited('a user that may run no script by its hash', ['-evalsha'], /^EVALSHA: NOPERM .*evalsha/),
  limited('a user without sorted sets', ['-@sortedset'], /^ZADD: NOPERM|^ZADD: .*can't run this command/),
  limited('a user that may not delete', ['-unlink'], /^UNLINK: /),
  limited('a user that may only read', ['-@write'], /^SET: /),
  limited('a user with other keys', ['resetkeys', '~other:*'], /NOPERM .*keys/),
  limited(
    'a user with a part of the keys',
    ['resetkeys', '~chathub:list:*', '~chathub:{gateway}:*'],
    /NOPERM .*keys/,
  ),
]

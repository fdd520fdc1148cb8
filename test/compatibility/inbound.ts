import { gzipSync } from 'node:zlib'

/** A request as clients and proxies send it, and how the gateway answers. */
export type InboundForm = {
  form: string
  example: string
  result: string
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** The target of the request line. `{host}` stands for the host and port of the gateway. */
  target: string
  headers?: Record<string, string>
  body?: string | Buffer
  status: number
  /** What the answer must contain, in its head or body. */
  contains?: string
}

const add = '/v1/organizations/24/operators'
const read = '/v1/organizations/24/operators'
const row = '{"operators":[{"name":"Form"}],"onDuplicate":"skip","dryRun":true}'
const synchronize = '[{"organizationId":24,"name":"Form"}]'

const json = (contentType: string): InboundForm => ({
  form: 'Media type of a JSON body',
  example: contentType,
  result: 'accepted',
  method: 'POST',
  target: add,
  headers: { 'Content-Type': contentType },
  body: row,
  status: 200,
})
const refusedType = (contentType: string, contains: string): InboundForm => ({
  ...json(contentType),
  result: '415 that names what came and what is wanted, with Accept-Post',
  status: 415,
  contains,
})
const dropIn = (contentType: string): InboundForm => ({
  form: 'Media type of a JSON body on a drop-in path',
  example: contentType,
  result: 'accepted',
  method: 'POST',
  target: '/api/operator/synchronize',
  headers: { 'Content-Type': contentType },
  body: synchronize,
  status: 200,
})
const target = (example: string, status = 200): InboundForm => ({
  form: 'Request target',
  example,
  result: status === 200 ? 'served' : `${status}`,
  method: 'GET',
  target: example,
  status,
})

/** Every form of a request that is more than the plain one, with its result. */
export const inboundForms: InboundForm[] = [
  json('application/json;'),
  json('application/json; charset=utf8'),
  json('application/json; charset="utf-8"'),
  json('Application/JSON ; charset=UTF-8; profile="x"'),
  json('application/json; charset=us-ascii'),
  refusedType('text/plain', 'Accept-Post: application/json'),
  refusedType('application/json; charset=windows-1251', 'windows-1251'),
  refusedType('application/x-www-form-urlencoded', 'Wanted: application/json in UTF-8.'),
  refusedType('json', 'came as'),
  dropIn('text/json'),
  dropIn('application/json-patch+json'),
  dropIn('application/*+json'),
  {
    ...json('application/json'),
    form: 'Content-Encoding of a body',
    example: 'gzip',
    headers: { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' },
    body: gzipSync(row),
  },
  {
    ...json('application/json'),
    form: 'Content-Encoding of a body',
    example: 'x-gzip, identity',
    headers: { 'Content-Type': 'application/json', 'Content-Encoding': 'x-gzip, identity' },
    body: gzipSync(row),
  },
  {
    ...json('application/json'),
    form: 'Content-Encoding of a body',
    example: 'br',
    result: '415 with Accept-Encoding',
    headers: { 'Content-Type': 'application/json', 'Content-Encoding': 'br' },
    status: 415,
    contains: 'Accept-Encoding: gzip, identity',
  },
  {
    ...json('application/json'),
    form: 'Content-Encoding of a body',
    example: 'gzip of 100 MB of spaces',
    result: '413, decoded no further than the bound',
    headers: { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' },
    body: gzipSync(Buffer.alloc(100_000_000, ' ')),
    status: 413,
  },
  target(`http://{host}${read}`),
  target(`HTTP://{host}${read}?sort=name`),
  target(`http://other.example.com${read}`, 400),
  target(`http://user:password@{host}${read}`, 400),
  target('ftp://{host}/v1/me', 400),
  {
    form: 'Colon of a verb',
    example: '%3Acancel',
    result: 'the same as :cancel',
    method: 'POST',
    target: '/v1/operations/24-unknownunknown%3Acancel',
    status: 404,
    contains: 'operation.unknown',
  },
  {
    form: 'Colon of a verb',
    example: '%3aretry',
    result: 'the same as :retry',
    method: 'POST',
    target: '/v1/operations/24-unknownunknown%3aretry',
    status: 404,
    contains: 'operation.unknown',
  },
  {
    form: 'Body where none is taken',
    example: 'GET with an empty chunked body',
    result: 'served',
    method: 'GET',
    target: read,
    headers: { 'Transfer-Encoding': 'chunked' },
    body: '',
    status: 200,
  },
  {
    form: 'Body where none is taken',
    example: 'DELETE with {}',
    result: 'served',
    method: 'DELETE',
    target: '/v1/organizations/24/assignments/chat-of-forms',
    headers: { 'Content-Type': 'application/json' },
    body: '{}',
    status: 404,
    contains: 'assignment.unknown',
  },
  {
    form: 'Body where none is taken',
    example: 'GET with { }',
    result: 'served',
    method: 'GET',
    target: read,
    body: ' { } ',
    status: 200,
  },
  {
    form: 'Body where none is taken',
    example: 'GET with {"a":1}',
    result: '400',
    method: 'GET',
    target: read,
    body: '{"a":1}',
    status: 400,
    contains: 'This endpoint takes no body.',
  },
]

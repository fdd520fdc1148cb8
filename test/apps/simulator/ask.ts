import { Agent, type IncomingHttpHeaders, request } from 'node:http'
import {
  createSimulator,
  type Simulator,
  type SimulatorOptions,
} from '../../../src/apps/simulator/simulator.ts'

/** What came back over plain node:http, byte for byte; `broken` when the connection ended too early. */
export type Reply = { status: number; headers: IncomingHttpHeaders; body: string; broken: boolean }
export type Question = {
  token?: string
  headers?: Record<string, string>
  json?: unknown
  text?: string
  /** Leaves after so many bytes of the body. */
  leaveAfter?: number
  signal?: AbortSignal
}

export const companyToken = 'ct_test-company'

/** Asks one question on a connection of its own. @throws when no head of an answer comes. */
export function ask(url: string, method: string, path: string, question: Question = {}): Promise<Reply> {
  const { token = companyToken, json, leaveAfter = Number.POSITIVE_INFINITY, signal } = question
  const body = json === undefined ? question.text : JSON.stringify(json)
  const headers = {
    accept: 'text/plain',
    ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...question.headers,
  }
  return new Promise((resolve, reject) => {
    const agent = new Agent({ keepAlive: false })
    const asked = request(new URL(path, url), { method, headers, agent, ...(signal ? { signal } : {}) })
    asked.on('error', reject)
    asked.on('response', (response) => {
      const chunks: Buffer[] = []
      let size = 0
      const reply = (broken: boolean) =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
          broken,
        })
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        size += chunk.length
        if (size >= leaveAfter) asked.destroy()
      })
      response.on('error', () => reply(true))
      response.on('end', () => reply(false))
    })
    asked.end(body)
  })
}

/** Runs a test against a fresh simulator and closes it whatever happens. */
export async function withSimulator(
  options: SimulatorOptions,
  test: (simulator: Simulator, url: string) => Promise<void>,
): Promise<void> {
  const simulator = await createSimulator({ companyToken, ...options })
  try {
    await test(simulator, simulator.url)
  } finally {
    await simulator.close()
  }
}

export const listOf24 = '/api/operator?organizationId=24'
export const toAdd = (...names: string[]) => ({ json: names.map((name) => ({ organizationId: 24, name })) })
export const namesIn = (simulator: Simulator, organization = 24) =>
  simulator.operators(organization).map((row) => row.name)

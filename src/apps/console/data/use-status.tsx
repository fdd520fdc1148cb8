import { useQuery } from '@tanstack/react-query'
import { createContext, type ReactNode, useContext } from 'react'
import { ConnectionError, TimeoutError } from '../../../client/client.ts'
import { useCan } from '../session/rights.ts'
import { gateway } from './gateway.ts'
import { useIsDrawn } from './when-idle.ts'

type Tone = 'good' | 'warn' | 'bad' | 'quiet'
type Part = { name: 'chathub' | 'redis' | 'budget' | 'gateway'; state: string; tone: Tone; since?: string }

const tones: Record<string, Tone> = {
  ok: 'good',
  ready: 'good',
  none: 'good',
  // Calls that wait a second are the rule while much is done.
  busy: 'good',
  unknown: 'quiet',
  reduced: 'warn',
  paused: 'warn',
  away: 'bad',
  unavailable: 'bad',
  refused: 'bad',
  unsupported: 'bad',
}
export const toneOf = (state: string): Tone => tones[state] ?? 'quiet'

const everyMs = 5000

const useReadStatus = (): Part[] => {
  const isDrawn = useIsDrawn()
  const { data, error } = useQuery({
    queryKey: ['status'],
    queryFn: ({ signal }) => gateway.gateway.status({ signal }),
    refetchInterval: everyMs,
    enabled: useCan()('operators:read') && isDrawn,
  })
  if (error instanceof ConnectionError || error instanceof TimeoutError)
    return [{ name: 'gateway', state: 'offline', tone: 'bad' }]
  if (!data) return []
  return (['chathub', 'redis', 'budget'] as const).map((name) => {
    const { state, since } = data[name]
    return { name, state, since, tone: toneOf(state) }
  })
}

const Status = createContext<Part[]>([])
/** How ChatHub, Redis and the request budget are now, and since when. */
export const useStatus = (): Part[] => useContext(Status)

/** Reads once what several components ask for. */
export const WithStatus = ({ children }: { children: ReactNode }) => (
  <Status value={useReadStatus()}>{children}</Status>
)

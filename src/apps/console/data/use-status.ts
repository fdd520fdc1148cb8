import { useQuery } from '@tanstack/react-query'
import { gateway } from './gateway.ts'

type Tone = 'good' | 'warn' | 'bad' | 'quiet'
export type Part = { name: 'chathub' | 'redis' | 'budget' | 'console'; state: string; tone: Tone }

const tones: Record<string, Tone> = {
  ok: 'good',
  ready: 'good',
  free: 'good',
  none: 'good',
  unknown: 'quiet',
  full: 'warn',
  paused: 'warn',
  away: 'bad',
  unavailable: 'bad',
  refused: 'bad',
  unsupported: 'bad',
}

export const toneOf = (state: string): Tone => tones[state] ?? 'quiet'

const everyMs = 5000

/** How ChatHub, Redis and the request budget are now. */
export const useStatus = (): Part[] => {
  const { data, error } = useQuery({
    queryKey: ['status'],
    queryFn: async ({ signal }) =>
      (await (await gateway.fetch('/readyz', { signal })).json()) as { chathub?: string; redis?: string },
    refetchInterval: everyMs,
  })
  if (error) return [{ name: 'console', state: 'offline', tone: 'bad' }]
  if (!data) return []
  const { chathub = 'unknown', redis = 'none' } = data
  return [
    { name: 'chathub', state: chathub, tone: toneOf(chathub) },
    { name: 'redis', state: redis, tone: toneOf(redis) },
  ]
}

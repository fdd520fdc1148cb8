import { useMutation, useQuery } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import type { ImportPreview, OperationRow } from '../../../client/client.ts'
import { gateway } from '../data/gateway.ts'
import { queryClient } from '../data/query-client.ts'
import { againAfter } from '../data/use-read.ts'
import { navigate } from '../page/hash-location.ts'
import type { Source } from './import.tsx'

/** How the file is read, and what happens to names that exist. */
const usualOptions = { column: '', header: '', onDuplicate: 'skip', onDeleted: 'report' }
export type Options = typeof usualOptions

/** Corrections by line of the file: another name, or null for a line that is left out. */
export type Edits = ReadonlyMap<number, string | null>

const lineOf = ({ line, index }: OperationRow): number => line ?? index + 1
const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** The rows that are left after the corrections, each with its line. */
const correctedRows = (rows: readonly OperationRow[], edits: Edits) =>
  rows.flatMap((row) => {
    const line = lineOf(row)
    const edit = edits.get(line)
    return edit === null ? [] : [{ line, name: edit ?? row.name ?? '' }]
  })

const queryOf = ({ column, header, onDuplicate, onDeleted }: Options, isCorrected: boolean) => ({
  onDuplicate: onDuplicate as 'skip' | 'allow',
  onDeleted: onDeleted as 'report' | 'reactivate',
  // What was corrected is a list of names.
  ...(isCorrected
    ? { column: '1', header: true }
    : { ...(column && { column }), ...(header && { header: header === 'yes' }) }),
})

/** What an import would do, row by row. Corrections are judged by the gateway again. */
export const usePreview = (organization: number, source: Source) => {
  const [options, setOptions] = useState(usualOptions)
  const [edits, setEdits] = useState<Edits>(new Map())
  const ask = async (
    content: Blob | string,
    isCorrected: boolean,
    signal: AbortSignal,
  ): Promise<ImportPreview> =>
    (await gateway.operators.import(
      organization,
      content,
      { ...queryOf(options, isCorrected), dryRun: true },
      { signal },
    )) as ImportPreview
  const read = useQuery({
    queryKey: ['preview', organization, source, options],
    queryFn: ({ signal }) => ask(source.content, false, signal),
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
    refetchInterval: ({ state }) => againAfter(state.error),
  })
  const rows = read.data ? correctedRows(read.data.items, edits) : []
  const corrected =
    edits.size === 0 ? undefined : `name\n${rows.map(({ name }) => quoted(name)).join('\n')}\n`
  const again = useQuery({
    queryKey: ['preview', organization, corrected, options],
    // Each verdict with its line of the file: the lines change while the next answer is on its way.
    queryFn: async ({ signal }) => {
      const judged = await ask(corrected ?? '', true, signal)
      return { ...judged, items: judged.items.map((row, at) => ({ ...row, line: rows[at]?.line ?? 0 })) }
    },
    enabled: corrected !== undefined && rows.length > 0,
    placeholderData: (before) => before,
    gcTime: 0,
    refetchOnWindowFocus: false,
    refetchInterval: ({ state }) => againAfter(state.error),
  })
  const judged = corrected === undefined ? read.data : again.data
  // What was judged last stays in sight until there is a newer verdict.
  const last = useRef(judged)
  if (judged || corrected === undefined) last.current = judged
  const start = useMutation({
    mutationFn: () =>
      gateway.operators.import(
        organization,
        corrected ?? source.content,
        queryOf(options, corrected !== undefined),
      ),
    onSuccess: (answer) => {
      void queryClient.invalidateQueries({ queryKey: ['activity'] })
      if ('id' in answer) navigate(`/${organization}/import/${answer.id}`)
    },
  })
  return {
    options,
    setOptions: (changes: Partial<Options>) => {
      setEdits(new Map())
      setOptions((all) => ({ ...all, ...changes }))
    },
    setPolicy: (changes: Partial<Options>) => setOptions((all) => ({ ...all, ...changes })),
    edits,
    edit: (line: number, name: string | null | undefined) =>
      setEdits((all) => {
        const next = new Map(all)
        if (name === undefined) next.delete(line)
        else next.set(line, name)
        return next
      }),
    file: read.data?.file,
    error: read.error ?? again.error,
    isJudging: again.isFetching,
    /** Undefined: the file is being read. */
    preview: last.current,
    retry: () => void (read.error ? read : again).refetch(),
    start,
  }
}
export type Previewing = ReturnType<typeof usePreview>

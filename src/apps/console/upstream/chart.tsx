import { useEffect, useRef } from 'react'
import uPlot from 'uplot'
import type { Upstream } from '../../../client/client.ts'
import { isDark } from '../page/colour-scheme.ts'
import { useWords } from '../words/words.ts'
import 'uplot/dist/uPlot.min.css'

const height = 180

/** Requests and waiting calls over time. A canvas says nothing to a screen reader, so a table stands beside it. */
const Chart = ({ samples }: { samples: Upstream['recent'] }) => {
  const { t, language } = useWords()
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>(undefined)
  const dark = isDark.use()
  // biome-ignore lint/correctness/useExhaustiveDependencies: colours and words are those of the scheme and the language.
  useEffect(() => {
    const element = place.current
    if (!element) return
    const colour = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name)
    const axis = {
      stroke: colour('--quiet'),
      grid: { stroke: colour('--line') },
      ticks: { stroke: colour('--line') },
    }
    const series = [
      { label: t('column.time') },
      { label: t('upstream.used'), stroke: colour('--accent'), width: 2 },
      { label: t('upstream.allowed'), stroke: colour('--ok'), width: 2, dash: [6, 4] },
      { label: t('upstream.waiting'), stroke: colour('--warn'), width: 2, dash: [2, 3] },
    ]
    const made = new uPlot(
      {
        width: element.clientWidth,
        height,
        series,
        axes: [axis, axis],
        cursor: { show: false },
        legend: { live: false },
      },
      [[], [], [], []],
      element,
    )
    plot.current = made
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }))
    observer.observe(element)
    return () => {
      observer.disconnect()
      made.destroy()
    }
  }, [dark, language])
  useEffect(() => {
    plot.current?.setData([
      samples.map(({ at }) => Date.parse(at) / 1000),
      samples.map(({ used }) => used),
      samples.map(({ allowed }) => allowed),
      samples.map(({ waiting }) => waiting),
    ])
  }, [samples])
  return <div ref={place} className="card chart" aria-hidden="true" />
}

export default Chart

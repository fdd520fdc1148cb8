import type { Upstream } from '../../../client/client.ts'
import { RowsBox } from '../states/rows-box.tsx'
import { useFormat } from '../words/use-format.ts'
import { useWords } from '../words/words.ts'

/** The lists that this instance has, the oldest first. */
export const ListAges = ({ lists }: { lists: Upstream['cache']['organizations'] }) => {
  const { t } = useWords()
  const format = useFormat()
  if (lists.length === 0) return null
  return (
    <>
      <h2>{t('upstream.cache')}</h2>
      <RowsBox label={t('upstream.cache')}>
        <table className="plain">
          <thead>
            <tr>
              <th scope="col">{t('column.organization')}</th>
              <th scope="col">{t('nav.operators')}</th>
              <th scope="col">{t('upstream.age')}</th>
            </tr>
          </thead>
          <tbody>
            {lists
              .toSorted((a, b) => b.ageSeconds - a.ageSeconds)
              .map(({ id, name, operators, ageSeconds }) => (
                <tr key={id}>
                  <th scope="row">{name}</th>
                  <td>{format.number(operators)}</td>
                  <td>{format.span(ageSeconds)}</td>
                </tr>
              ))}
          </tbody>
        </table>
      </RowsBox>
    </>
  )
}

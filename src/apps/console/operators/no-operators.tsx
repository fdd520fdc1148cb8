import { gateway } from '../data/gateway.ts'
import { useRead } from '../data/use-read.ts'
import { useCan } from '../session/rights.ts'
import { Button } from '../states/button.tsx'
import { Empty } from '../states/empty.tsx'
import { useWords } from '../words/words.ts'

/** `all`: operators of the organization with any status. */
export const NoOperators = ({
  organization,
  all,
  clear,
  add,
}: {
  organization: number
  all: number | undefined
  clear: () => void
  add: () => void
}) => {
  const { t } = useWords()
  const can = useCan()
  const isEmpty = all === 0
  const diagnosis = useRead(
    ['diagnosis', organization],
    (signal) => gateway.organizations.diagnose(organization, { signal }),
    {
      enabled: isEmpty,
    },
  )
  // That there are none is said already.
  const reasons = diagnosis.data?.data.advice.filter(({ code }) => code !== 'operators.none') ?? []
  if (!isEmpty)
    return (
      <Empty
        icon="search"
        title={t('operators.noMatch', { count: all ?? 0 })}
        action={
          <Button variant="default" onClick={clear}>
            {t('operators.clear')}
          </Button>
        }
      />
    )
  return (
    <Empty
      icon="people"
      title={t('operators.none')}
      action={can('operators:write') ? <Button onClick={add}>{t('operators.add')}</Button> : undefined}
    >
      {reasons.map(({ text }) => text).join(' ') || t('operators.noneText')}
    </Empty>
  )
}

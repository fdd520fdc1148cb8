import { Drawer, Group, Stack } from '@mantine/core'
import type { OperatorInOrganization } from '../../../client/client.ts'
import { gateway } from '../data/gateway.ts'
import { useRead } from '../data/use-read.ts'
import { useCan } from '../session/rights.ts'
import { Button } from '../states/button.tsx'
import { CopyText } from '../states/copy-text.tsx'
import { Shown } from '../states/shown.tsx'
import { StateWord } from '../states/state-word.tsx'
import { useFocusBack } from '../states/use-focus-back.ts'
import { useWords } from '../words/words.ts'
import type { Known } from './change-if-same.ts'
import { History } from './history.tsx'
import { IssueToken } from './issue-token.tsx'
import { PlaceWidget } from './place-widget.tsx'
import { Since } from './since.tsx'
import type { Switching } from './use-switch.ts'

/** What may be set next, by the status now. */
const nextOf = (status: string, mayDelete: boolean): Known[] => {
  if (status === 'deleted' || status === 'unknown') return mayDelete ? ['active'] : []
  return [status === 'active' ? 'inactive' : 'active', ...(mayDelete ? (['deleted'] as const) : [])]
}

const Facts = ({ operator }: { operator: OperatorInOrganization }) => {
  const { t } = useWords()
  return (
    <dl className="facts">
      <div>
        <dt>{t('column.status')}</dt>
        <dd>
          <StateWord tone={operator.status}>{t(`status.${operator.status}`)}</StateWord>
        </dd>
      </div>
      <div>
        <dt>{t('column.since')}</dt>
        <dd>
          <Since operator={operator} />
        </dd>
      </div>
      <div>
        <dt>{t('column.organization')}</dt>
        <dd>{operator.organization.name}</dd>
      </div>
      <div>
        <dt>{t('column.id')}</dt>
        <dd>
          <CopyText text={String(operator.id)} />
        </dd>
      </div>
    </dl>
  )
}

/** One operator beside the list: status, history, token. */
const OperatorDrawer = ({
  organization,
  id,
  switching,
  close,
}: {
  organization: number
  id: number
  switching: Switching
  close: () => void
}) => {
  const { t } = useWords()
  const can = useCan()
  useFocusBack()
  const query = useRead(['operator', organization, id], (signal) =>
    gateway.operators.get(organization, id, { fields: ['statusSince', 'changedBy'] }, { signal }),
  )
  const operator = query.data?.data
  const next = operator && can('operators:status') ? nextOf(operator.status, can('operators:write')) : []
  return (
    <Drawer
      opened
      position="right"
      size="md"
      onClose={close}
      title={<bdi>{operator?.name ?? t('operators.one')}</bdi>}
      closeButtonProps={{ 'aria-label': t('action.close') }}
    >
      <Shown query={query} rows={4}>
        {(shown) => (
          <Stack>
            <Facts operator={shown} />
            {next.length > 0 && (
              <Group gap="xs">
                {next.map((to) => (
                  <Button
                    key={to}
                    size="xs"
                    variant="default"
                    className={to === 'deleted' ? 'grave' : undefined}
                    loading={switching.pending.get(id) === to}
                    onClick={() => switching.change({ operator: shown, to })}
                  >
                    {shown.status === 'deleted' ? t('operators.restore') : t(`bulk.to.${to}`)}
                  </Button>
                ))}
              </Group>
            )}
            {next.includes('deleted') && <small className="quiet">{t('operators.deleteHelp')}</small>}
            {can('tokens:mint') && shown.status === 'active' && (
              <>
                <IssueToken organization={organization} id={id} />
                <PlaceWidget organization={organization} id={id} />
              </>
            )}
            <History organization={organization} id={id} />
          </Stack>
        )}
      </Shown>
    </Drawer>
  )
}

export default OperatorDrawer

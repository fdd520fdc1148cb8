import { useMutation } from '@tanstack/react-query'
import { download } from '../data/download.ts'
import { Button } from '../states/button.tsx'
import { Icon } from '../states/icon.tsx'
import { toast } from '../states/toast.ts'
import { useProblemText } from '../states/use-problem-text.ts'
import { useWords } from '../words/words.ts'
import { type Filters, queryOf } from './filters.ts'

/** Saves all operators that match as CSV. */
export const ExportList = ({ organization, filters }: { organization: number; filters: Filters }) => {
  const { t } = useWords()
  const problemText = useProblemText()
  const save = useMutation({
    mutationFn: () => {
      const { status, sort, q = '' } = queryOf(filters)
      const query = new URLSearchParams({ status: status.join(), sort: sort.join(), ...(q && { q }) })
      return download(
        `/v1/organizations/${organization}/operators?${query}&fields=id,name,status,statusSince,changedBy`,
      )
    },
    onError: (error) => toast(problemText(error), { isBad: true }),
  })
  return (
    <Button
      variant="default"
      leftSection={<Icon name="download" size={16} />}
      loading={save.isPending}
      onClick={() => save.mutate()}
    >
      {t('operators.export')}
    </Button>
  )
}

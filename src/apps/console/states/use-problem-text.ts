import { GatewayError } from '../../../client/client.ts'
import { useWords } from '../words/words.ts'

/** A plain sentence for an error. Codes without a sentence of their own have the gateway's. */
export const useProblemText = (): ((error: unknown) => string) => {
  const { t } = useWords()
  return (error) => {
    if (!(error instanceof GatewayError)) return t('problem.page')
    return t(`problem.${error.code.replaceAll('.', '_')}`, { defaultValue: error.message })
  }
}

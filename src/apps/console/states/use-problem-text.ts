import { useTranslation } from 'react-i18next'
import { GatewayError } from '../../../client/client.ts'

/** A plain sentence for an error. Codes without a sentence of their own have the gateway's. */
export const useProblemText = (): ((error: unknown) => string) => {
  const { t } = useTranslation()
  return (error) => {
    if (!(error instanceof GatewayError)) return t('problem.page')
    return t(`problem.${error.code.replaceAll('.', '_')}`, { defaultValue: error.message })
  }
}

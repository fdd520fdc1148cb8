import { Anchor, Stack, Text, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useEffect, useState } from 'react'
import { AuthenticationError } from '../../../client/client.ts'
import { gateway } from '../data/gateway.ts'
import { queryClient, signedOut } from '../data/query-client.ts'
import { Button } from '../states/button.tsx'
import { Dialog } from '../states/dialog.tsx'
import { Notice } from '../states/notice.tsx'
import { useProblemText } from '../states/use-problem-text.ts'
import { chooseLanguage, type Language, languages, useWords } from '../words/words.ts'
import './sign-in.css'
import { SignInError, ticketIn } from './ticket.ts'

const loginPath = document.querySelector<HTMLMetaElement>('meta[name="console-login"]')?.content

const goOn = async (): Promise<void> => {
  await gateway.sessions.get()
  signedOut.set(false)
  await queryClient.invalidateQueries()
}

/** In their own words, for who cannot read the others. */
const Languages = () => {
  const { language: shown } = useWords()
  return (
    <div className="languages">
      {(Object.keys(languages) as Language[]).map((language) => (
        <button
          key={language}
          type="button"
          lang={language}
          aria-pressed={language === shown}
          onClick={() => void chooseLanguage(language)}
        >
          {languages[language]}
        </button>
      ))}
    </div>
  )
}

/** A dialog over the page. What was typed and chosen there stays. */
const SignIn = ({ failure, hadSession }: { failure: unknown; hadSession: boolean }) => {
  const { t } = useWords()
  const problemText = useProblemText()
  const [link, setLink] = useState('')
  const ticket = ticketIn(link)
  const open = useMutation({
    mutationFn: async () => {
      if (ticket !== undefined) await gateway.sessions.open({ ticket })
      await goOn()
    },
  })
  // Another tab may have signed in.
  useEffect(() => {
    const check = () => void goOn().catch(() => {})
    addEventListener('focus', check)
    return () => removeEventListener('focus', check)
  }, [])
  const submit = (event: FormEvent) => {
    event.preventDefault()
    open.mutate()
  }
  const error = open.error ?? (hadSession ? undefined : failure)
  const textOf = (): string => {
    if (error instanceof SignInError)
      return t(`signIn.errors.${error.reason}`, { defaultValue: error.message })
    const isOut = error instanceof AuthenticationError && error.code !== 'session.ticket'
    return isOut ? t('signIn.stillOut') : problemText(error)
  }
  return (
    <Dialog
      onClose={() => {}}
      withCloseButton={false}
      closeOnClickOutside={false}
      closeOnEscape={false}
      centered
      title={hadSession ? t('signIn.ended') : t('signIn.title')}
    >
      <form onSubmit={submit}>
        <Stack>
          <Text size="sm">{hadSession ? t('signIn.kept') : t('signIn.how')}</Text>
          {error instanceof SignInError && <Notice tone="bad" live title={textOf()} />}
          {loginPath && (
            <a className="button" href={loginPath}>
              {t('signIn.provider')}
            </a>
          )}
          <TextInput
            data-autofocus
            label={t('signIn.link')}
            description={t('signIn.linkHelp')}
            autoComplete="off"
            value={link}
            onChange={({ currentTarget }) => setLink(currentTarget.value)}
            error={error && !(error instanceof SignInError) ? textOf() : undefined}
          />
          <Button
            type="submit"
            variant={loginPath ? 'default' : 'filled'}
            loading={open.isPending}
            disabled={!hadSession && ticket === undefined}
          >
            {ticket === undefined && hadSession ? t('signIn.check') : t('signIn.open')}
          </Button>
          <Text size="sm" c="dimmed">
            {t('signIn.command')} <code>chathub-gateway login-link</code>.{' '}
            <Anchor size="sm" underline="always" href="/docs" inherit>
              {t('signIn.docs')}
            </Anchor>
          </Text>
          <Languages />
        </Stack>
      </form>
    </Dialog>
  )
}

export default SignIn

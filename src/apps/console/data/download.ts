import { gateway } from './gateway.ts'

/** Saves an answer of the gateway as a file, under the name that the gateway gives. */
export const download = async (path: string, accept = 'text/csv'): Promise<void> => {
  const answer = await gateway.fetch(path, { headers: { Accept: accept } })
  const [, name = 'chathub.csv'] =
    /filename="([^"]+)"/.exec(answer.headers.get('content-disposition') ?? '') ?? []
  const url = URL.createObjectURL(await answer.blob())
  const link = document.createElement('a')
  Object.assign(link, { href: url, download: name })
  link.click()
  URL.revokeObjectURL(url)
}

import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from '@jest/globals'
import { clientApi, fakeAnswers } from './client-api.ts'

const generated = { 'src/client/api.ts': clientApi, 'src/client/fake-answers.ts': fakeAnswers }

it.each(Object.entries(generated))('%s is what src/contract says', (path, make) => {
  const file = fileURLToPath(new URL(`../../${path}`, import.meta.url))
  if (process.env['UPDATE'] === 'true') writeFileSync(file, make())
  expect(readFileSync(file, 'utf8')).toBe(make())
})

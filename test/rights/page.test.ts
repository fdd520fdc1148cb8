import { readFileSync, writeFileSync } from 'node:fs'
import { expect, it } from '@jest/globals'
import { endpoints } from '../../src/contract/endpoints.ts'
import { rightsPage } from './page.ts'

it('docs/rights.md is the table of endpoints and scopes', () => {
  const path = new URL('../../docs/rights.md', import.meta.url)
  const page = rightsPage(Object.values(endpoints))
  // UPDATE=true npm test -- test/rights writes the page.
  if (process.env['UPDATE'] === 'true') writeFileSync(path, page)
  expect(readFileSync(path, 'utf8')).toBe(page)
})

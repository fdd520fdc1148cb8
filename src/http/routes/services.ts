import type { createAccess } from '../../access/access.ts'
import type { Caller } from '../../access/caller.ts'
import type { Assignments } from '../../assignments/assignments.ts'
import type { Audit } from '../../audit/audit.ts'
import type { EraseName } from '../../audit/erase-name.ts'
import type { Clock } from '../../clock.ts'
import type { Health, Status, Upstream } from '../../contract/system.ts'
import type { Usage } from '../../contract/usage.ts'
import type { Events } from '../../events/events.ts'
import type { createLists } from '../../lists/lists.ts'
import type { Reporter } from '../../report.ts'
import type { Secret } from '../../secret.ts'
import type { SwitchBoard } from '../../throttle/switches.ts'
import type { Webhooks } from '../../webhooks/webhooks.ts'
import type { createWrites } from '../../writes/writes.ts'

type Reading = 'lists' | 'organizations' | 'directory' | 'tokens' | 'diagnose' | 'purge'
type Writing = 'add' | 'changeStatus' | 'imports' | 'operations' | 'rowsInTime'

/** What the handlers call. */
export type Services = Pick<ReturnType<typeof createLists>, Reading> &
  Pick<ReturnType<typeof createWrites>, Writing> & {
    access: ReturnType<typeof createAccess>
    assignments: Assignments
    audit: Audit
    eraseName: EraseName
    events: Events
    webhooks: Webhooks
    clock: Clock
    report: Reporter
    version: string
    /** Shown to every reader of the reference. */
    docsKey: Secret | undefined
    /** Where the page of the console is. Undefined: where the build left it. */
    consoleFolder: URL | undefined
    /** Origins of pages that may read answers. */
    corsOrigins: string[]
    mcpEnabled: boolean
    sessionSameSite: 'strict' | 'lax' | 'none'
    health(): Health
    status(): Status
    /** Without a caller: no organizations and no clients. */
    upstream(caller?: Caller): Upstream
    switches: SwitchBoard
    metrics(): Promise<string>
    usage(caller: Caller, day?: string): Promise<Usage>
    /** Organizations with fewer active accounts than their floor, as far as lists are known. */
    belowFloor(): number[]
  }

/** All cases, in the order in which they run. A new case is added to its group's file; a new group here. */
import type { Case } from "./Case.ts"
import { cases as bundles } from "./cases/bundles.ts"
import { cases as egress } from "./cases/egress.ts"
import { cases as errors } from "./cases/errors.ts"
import { cases as events } from "./cases/events.ts"
import { cases as honesty } from "./cases/honesty.ts"
import { cases as idempotency } from "./cases/idempotency.ts"
import { cases as identity } from "./cases/identity.ts"
import { cases as interruption } from "./cases/interruption.ts"
import { cases as interrupts } from "./cases/interrupts.ts"
import { cases as lists } from "./cases/lists.ts"
import { cases as operations } from "./cases/operations.ts"
import { cases as permissions } from "./cases/permissions.ts"
import { cases as restart } from "./cases/restart.ts"
import { cases as resume } from "./cases/resume.ts"
import { cases as secrets } from "./cases/secrets.ts"
import { cases as slow } from "./cases/slow.ts"
import { cases as transcript } from "./cases/transcript.ts"
import { cases as waiting } from "./cases/waiting.ts"
import { cases as watchers } from "./cases/watchers.ts"

export const all: ReadonlyArray<Case> = [
  ...identity,
  ...honesty,
  ...operations,
  ...lists,
  ...errors,
  ...idempotency,
  ...transcript,
  ...events,
  ...watchers,
  ...resume,
  ...slow,
  ...interruption,
  ...interrupts,
  ...waiting,
  ...permissions,
  ...bundles,
  ...egress,
  ...secrets,
  // Last, since they change what the others found.
  ...restart
]

/** A config bundle for cases that only need one. */
import type { ConfigBundle } from "../../src/domain/ConfigBundle.ts"

export const bundle = (id: string, revision = "1"): ConfigBundle => ({
  id,
  revision,
  workspace_id: "ws-1",
  created_at: "2026-11-20T10:00:00.000Z",
  provenance: { source: "test" },
  profiles: [{ selector: { kind: "named", value: "reviewer" }, label: "Reviewer" }],
  declarations: [],
  digest: "0".repeat(64)
})

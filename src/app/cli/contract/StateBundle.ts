/** The config bundle of the contract: what the state "a config bundle" puts into a runtime. */
import type { ConfigBundle } from "../../../domain/ConfigBundle.ts"

/** The digest is that of the other members, as the runtime API says. */
export const bundle: ConfigBundle = {
  id: "contract-bundle",
  revision: "1",
  workspace_id: "contract",
  created_at: "2026-01-02T03:04:05Z",
  provenance: { source: "contract" },
  profiles: [{ selector: { kind: "runtime_default" } }],
  declarations: [],
  digest: "958110dca142b488fd02320d2eb7e1c44d4397192f6785294b040c9bf1f7e8bc"
}

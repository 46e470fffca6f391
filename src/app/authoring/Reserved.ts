/** Names that no plugin can take: those of what comes with the product. */
import { EMBEDDED } from "../../domain/Connection.ts"
import { mock } from "../../plugins/mock/index.ts"
import { opencode } from "../../plugins/opencode/index.ts"
import { processRuntime } from "../../plugins/process/index.ts"
import { remoteHttp } from "../../plugins/remote-http/index.ts"
import { ssh } from "../../plugins/ssh/index.ts"

export const reserved = {
  kinds: new Set<string>([EMBEDDED, ...[mock, opencode, processRuntime, remoteHttp, ssh].map(({ kind }) => kind)]),
  schemes: new Set(["env", "file", "local"])
}

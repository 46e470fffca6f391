/**
 * The two modules of undici that are used. Its entry loads five times as much beside them: fetch, web sockets, caches,
 * mocks, which hold 16 MiB and are never called.
 */
declare module "undici/lib/dispatcher/pool.js" {
  import { Pool } from "undici"

  export default Pool
}

declare module "undici/lib/core/errors.js" {
  import { errors } from "undici"

  export default errors
}

/** Certificates for TLS on loopback: see `tls/generate.sh` for what each is. */
import { readFileSync } from "node:fs"

const read = (name: string) => readFileSync(new URL(`tls/${name}`, import.meta.url), "utf8")

/** The authority that signed `good`, `wrong` and `expired`; nothing else knows it. */
export const authority = read("ca.pem")

/** Key and certificate for a TLS server. */
export const certificate = (name: "good" | "wrong" | "expired" | "self") => ({
  key: read(`${name}.key.pem`),
  cert: read(`${name}.pem`)
})

import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as EgressPolicy from "./EgressPolicy.ts"

const policy = (options: EgressPolicy.Options = {}) => Result.getOrThrow(EgressPolicy.make(options))

/** `ok`, a kind, or the refused network. */
const verdict = (result: Result.Result<unknown, EgressPolicy.PolicyRefusal>) =>
  Result.isSuccess(result)
    ? "ok"
    : result.failure.kind === "address_refused"
      ? result.failure.network
      : result.failure.kind

const addresses = (options: EgressPolicy.Options, expected: Readonly<Record<string, string>>) => {
  const { checkAddress } = policy(options)
  for (const [address, outcome] of Object.entries(expected)) {
    assert.strictEqual(verdict(checkAddress(address)), outcome, address)
  }
}

const urls = (options: EgressPolicy.Options, expected: Readonly<Record<string, string>>) => {
  const { check } = policy(options)
  for (const [url, outcome] of Object.entries(expected)) assert.strictEqual(verdict(check(url)), outcome, url)
}

describe("EgressPolicy", () => {
  it("permits loopback, private and public addresses by default", () =>
    addresses(
      {},
      {
        "127.0.0.1": "ok",
        "::1": "ok",
        "10.1.2.3": "ok",
        "172.16.0.1": "ok",
        "192.168.1.1": "ok",
        "100.64.0.1": "ok",
        "fd12::1": "ok",
        "8.8.8.8": "ok",
        "2606:4700::1111": "ok"
      }
    ))

  it("refuses metadata, link-local, multicast, broadcast and unspecified addresses even where a list permits them", () =>
    addresses(
      { allow_private: true, allow: ["0.0.0.0/0", "::/0"] },
      {
        "169.254.169.254": "metadata",
        "169.254.170.2": "metadata",
        "100.100.100.200": "metadata",
        "168.63.129.16": "metadata",
        "fd00:ec2::254": "metadata",
        "fd20:ce::254": "metadata",
        "169.254.0.1": "link_local",
        "fe80::1": "link_local",
        "febf:ffff::1": "link_local",
        "224.0.0.1": "multicast",
        "239.255.255.250": "multicast",
        "ff02::1": "multicast",
        "255.255.255.255": "broadcast",
        "0.0.0.0": "unspecified",
        "0.1.2.3": "unspecified",
        "::": "unspecified"
      }
    ))

  it("sees through every IPv6 form that carries an IPv4 address", () =>
    addresses(
      {},
      {
        "::ffff:169.254.169.254": "metadata",
        "::ffff:a9fe:a9fe": "metadata",
        "::169.254.169.254": "metadata",
        "::ffff:0:169.254.169.254": "metadata",
        "64:ff9b::169.254.169.254": "metadata",
        "64:ff9b:1::169.254.169.254": "metadata",
        "64:ff9b:1:a9fe:a9:fe00::": "metadata",
        "64:ff9b:1:a9:fe:a9fe::": "metadata",
        "64:ff9b:1:0:a9:fea9:fe00:0": "metadata",
        "2002:a9fe:a9fe::1": "metadata",
        "2001:0:a9fe:a9fe::1": "metadata",
        "2001:0:808:808:0:0:5601:5601": "metadata",
        "2a00::5efe:169.254.169.254": "metadata",
        "2a00::200:5efe:169.254.169.254": "metadata",
        "::ffff:0.0.0.0": "unspecified",
        "64:ff9b::0.0.0.0": "unspecified",
        "2002:e000:1::": "multicast",
        "64:ff9b:1::8.8.8.8": "ok",
        "64:ff9b::8.8.8.8": "ok",
        "2002:808:808::1": "ok"
      }
    ))

  it("returns the canonical form, so a mapped address is the IPv4 address that is dialled", () => {
    const { checkAddress } = policy()
    assert.deepStrictEqual(checkAddress("::ffff:127.0.0.1"), Result.succeed("127.0.0.1"))
    assert.deepStrictEqual(checkAddress("0:0:0:0:0:0:0:1"), Result.succeed("::1"))
  })

  it("refuses private networks with one option", () =>
    addresses(
      { allow_private: false },
      {
        "127.0.0.1": "private_not_allowed",
        "::1": "private_not_allowed",
        "10.0.0.1": "private_not_allowed",
        "172.31.255.255": "private_not_allowed",
        "192.168.0.1": "private_not_allowed",
        "100.64.0.1": "private_not_allowed",
        "198.18.0.1": "private_not_allowed",
        "240.0.0.1": "private_not_allowed",
        "fc00::1": "private_not_allowed",
        "fec0::1": "private_not_allowed",
        "::ffff:127.0.0.1": "private_not_allowed",
        "64:ff9b::10.0.0.1": "private_not_allowed",
        "2002:7f00:1::": "private_not_allowed",
        "172.32.0.1": "ok",
        "8.8.8.8": "ok"
      }
    ))

  it("refuses what deny lists, also inside what allow lists", () =>
    addresses(
      { allow: ["10.0.0.0/8"], deny: ["10.66.0.0/16", "10.1.1.1"] },
      {
        "10.1.1.2": "ok",
        "10.1.1.1": "denied",
        "10.66.3.4": "denied",
        "::ffff:10.66.3.4": "denied",
        "64:ff9b::10.66.3.4": "denied",
        "127.0.0.1": "not_allowed",
        "8.8.8.8": "not_allowed"
      }
    ))

  it("lets allow speak alone, so a private network can be listed while private ones are off", () =>
    addresses({ allow_private: false, allow: ["10.1.0.0/16"] }, { "10.1.0.1": "ok", "10.2.0.1": "not_allowed" }))

  it("refuses every spelling of an address that is not canonical", () =>
    addresses(
      {},
      {
        "127.1": "address_invalid",
        "010.0.0.1": "address_invalid",
        "0x7f000001": "address_invalid",
        "2130706433": "address_invalid",
        "fe80::1%eth0": "address_invalid",
        "fe80::1%1": "address_invalid",
        "[::1]": "address_invalid",
        "": "address_invalid",
        " 127.0.0.1": "address_invalid"
      }
    ))

  it("permits http and https endpoints with a path prefix, and nothing else", () =>
    urls(
      {},
      {
        "http://127.0.0.1:38800": "ok",
        "https://runtime.example/": "ok",
        "https://runtime.example:8443/base/v": "ok",
        "http://[::1]:38800/": "ok",
        "http://my_service:8080": "ok",
        "ftp://runtime.example/": "scheme_refused",
        "file:///etc/passwd": "scheme_refused",
        "ws://runtime.example/": "scheme_refused",
        "gopher://127.0.0.1:6379/": "scheme_refused",
        "data:text/plain,a": "scheme_refused",
        "http:127.0.0.1": "url_invalid",
        "http:/127.0.0.1": "url_invalid",
        "http:///127.0.0.1": "url_invalid",
        "http:\\\\127.0.0.1": "url_invalid",
        "http://runtime.example/?token=x": "url_invalid",
        "http://runtime.example/#x": "url_invalid",
        "http://runtime.example\t/": "url_invalid",
        "//runtime.example/": "url_invalid",
        "": "url_invalid",
        [`http://${"a".repeat(3000)}/`]: "url_invalid"
      }
    ))

  it("refuses credentials in the endpoint, empty ones too", () =>
    urls(
      {},
      {
        "http://user:pw@runtime.example/": "userinfo_refused",
        "http://runtime.example@127.0.0.1/": "userinfo_refused",
        "http://@127.0.0.1/": "userinfo_refused",
        "http://:@127.0.0.1/": "userinfo_refused"
      }
    ))

  it("refuses names that are not host names, a trailing dot among them", () =>
    urls(
      {},
      {
        "http://runtime.example./": "name_invalid",
        "http://a..b/": "name_invalid",
        "http://-a.example/": "name_invalid",
        "http://a-.example/": "name_invalid",
        "http://a*b.example/": "name_invalid",
        [`http://${"a".repeat(64)}.example/`]: "name_invalid",
        [`http://${"a.".repeat(130)}example/`]: "name_invalid",
        // Look-alike digits and dots never get as far as WHATWG's folding.
        "http://１２７.0.0.1/": "url_invalid",
        "http://127。0。0。1/": "url_invalid"
      }
    ))

  it("refuses metadata names and the names below them", () =>
    urls(
      {},
      {
        "http://metadata.google.internal/": "metadata",
        "http://METADATA.google.INTERNAL/": "metadata",
        "http://x.metadata.google.internal/": "metadata",
        "http://metadata/": "metadata",
        "http://instance-data/": "metadata",
        "http://mymetadata/": "ok"
      }
    ))

  it("refuses the ports of the Fetch standard's block list, or permits only the listed ones", () => {
    urls(
      {},
      {
        "http://127.0.0.1:22/": "port_refused",
        "http://127.0.0.1:25/": "port_refused",
        "http://127.0.0.1:0/": "port_refused",
        "http://127.0.0.1:6667/": "port_refused",
        "http://127.0.0.1/": "ok",
        "http://127.0.0.1:65535/": "ok"
      }
    )
    urls(
      { ports: [443, 22] },
      { "https://a.example/": "ok", "http://a.example/": "port_refused", "http://a:22/": "ok" }
    )
  })

  it("splits the endpoint into what a dial needs", () => {
    assert.deepStrictEqual(
      policy().check("http://0x7f.1:38800/base//"),
      Result.succeed({
        secure: false,
        host: "127.0.0.1",
        port: 38800,
        origin: "http://127.0.0.1:38800",
        base_path: "/base",
        literal: "127.0.0.1"
      })
    )
  })

  it("says which option cannot be read", () => {
    const pointer = (options: EgressPolicy.Options) =>
      Result.getOrThrow(Result.flip(EgressPolicy.make(options))).pointer
    assert.strictEqual(pointer({ deny: ["10.0.0.0/8", "10.0.0.1/8"] }), "/deny/1")
    assert.strictEqual(pointer({ allow: ["10.0.0.0/33"] }), "/allow/0")
    assert.strictEqual(pointer({ allow: ["runtime.example"] }), "/allow/0")
    assert.strictEqual(pointer({ ports: [80, 0] }), "/ports/1")
    assert.strictEqual(
      pointer({ deny: Array.from({ length: EgressPolicy.MAX_NETWORKS + 1 }, () => "10.0.0.1") }),
      "/deny"
    )
  })
})

import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { MAX_ENDPOINT_LENGTH, normalise } from "./Endpoint.ts"

const outcome = (text: string) => Result.merge(normalise(text))

describe("Endpoint", () => {
  it("one spelling stands for each endpoint", () => {
    for (const [written, normal] of [
      ["http://127.0.0.1:8790", "http://127.0.0.1:8790"],
      ["HTTP://Runtime.Example:80/", "http://runtime.example"],
      ["https://h:443", "https://h"],
      ["https://h:0443/base//", "https://h/base"],
      ["http://h/a//b", "http://h/a//b"],
      ["http://[::1]:8790/", "http://[::1]:8790"],
      ["http://[0:0:0:0:0:0:0:1]", "http://[::1]"],
      ["http://[::ffff:127.0.0.1]", "http://[::ffff:7f00:1]"],
      ["http://xn--bcher-kva.example", "http://xn--bcher-kva.example"],
      ["http://my_host-1", "http://my_host-1"],
      [`http://${"a".repeat(63)}.example`, `http://${"a".repeat(63)}.example`]
    ] as const) {
      assert.strictEqual(outcome(written), normal)
      assert.strictEqual(outcome(normal), normal)
    }
  })

  it("what could be read in two ways is refused and not guessed", () => {
    const cases: Record<string, ReadonlyArray<string>> = {
      not_http: [
        "",
        "h",
        "//h",
        "ftp://h",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http:/h",
        "http:h",
        "unix:/run/x"
      ],
      invalid_character: [
        "http://h ",
        " http://h",
        "http://h\n",
        "http://h\t/x",
        "http://h\\@evil",
        "http://bücher.example",
        "http://раypal.example",
        "http://①27.0.0.1",
        "http://h\u0000",
        "http://h\u202e"
      ],
      userinfo: ["http://user@h", "http://user:secret@h", "http://@h", "http://a%40b@h"],
      query: ["http://h?", "http://h/?token=x", "http://h?#"],
      fragment: ["http://h#", "http://h/#x"],
      invalid_host: [
        "http://",
        "http:///x",
        "http://:80",
        "http://h.",
        "http://127.0.0.1.",
        "http://2130706433",
        "http://127.1",
        "http://0177.0.0.1",
        "http://0x7f.0.0.1",
        "http://0x7f000001",
        "http://256.0.0.1",
        "http://1.2.3.4.5",
        "http://a.0x1",
        "http://a..b",
        "http://-a",
        "http://a-",
        "http://a%2eb",
        "http://%31%32%37.0.0.1",
        "http://[fe80::1%25eth0]",
        "http://[fe80::1%eth0]",
        "http://[::1",
        "http://::1",
        "http://[1]",
        "http://[v1.x]",
        `http://${"a".repeat(64)}`,
        `http://${"a".repeat(300)}`,
        `http://${"a.".repeat(130)}a`,
        "http://h:80:80",
        "http://h:8x"
      ],
      invalid_port: ["http://h:", "http://h:0", "http://h:65536", "http://h:99999999999999999999"],
      invalid_path: ["http://h/..", "http://h/a/../b", "http://h/./", "http://h/%2e%2e/x", "http://h/.%2E"],
      too_long: [`http://h/${"x".repeat(MAX_ENDPOINT_LENGTH)}`]
    }
    for (const [fault, texts] of Object.entries(cases)) {
      for (const text of texts) assert.strictEqual(outcome(text), fault, text)
    }
  })
})

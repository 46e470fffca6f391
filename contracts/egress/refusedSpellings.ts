/**
 * Spellings of hosts that must never be dialled, for a canary on 127.0.0.1 and ::1 while private networks are off:
 * every one either reaches the canary, or a refused network, if the guard is missing.
 */

/** 127.0.0.1 and 0.0.0.0 in every number system and grouping that an IPv4 parser has ever taken. */
const numbers = (a: number, b: number, c: number, d: number) => {
  const whole = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0
  const radix = (n: number) => [`${n}`, `0${n.toString(8)}`, `0x${n.toString(16)}`, `0X${n.toString(16).toUpperCase()}`]
  const parts = [a, b, c, d].map(radix)
  return [
    ...[0, 1, 2, 3].map((i) => parts.map((part) => part[i]).join(".")),
    ...[0, 1, 2].map((i) => parts.map((part, at) => part[(i + at) % 3]).join(".")),
    ...radix(whole),
    `000000000${whole.toString(8)}`,
    `0x00000000${whole.toString(16)}`,
    ...radix((b << 16) | (c << 8) | d).map((rest) => `${a}.${rest}`),
    ...radix((c << 8) | d).map((rest) => `${a}.${b}.${rest}`),
    `${a}.${b}.${c}.${d}.`,
    `${whole}.`,
    [a, b, c, d].join("%2e"),
    [a, b, c, d].map((n) => [...`${n}`].map((digit) => `%3${digit}`).join("")).join("."),
    [...`${a}.${b}.${c}.${d}`].map((one) => (one === "." ? "。" : String.fromCodePoint(0xff10 + Number(one)))).join(""),
    [...`${a}.${b}.${c}.${d}`].map((one) => (one === "." ? "．" : one)).join("")
  ]
}

const v6 = (a: number, b: number, c: number, d: number) => {
  const dotted = `${a}.${b}.${c}.${d}`
  const hex = (x: number, y: number) => ((x << 8) | y).toString(16)
  const pair = `${hex(a, b)}:${hex(c, d)}`
  const inverted = `${hex(a ^ 255, b ^ 255)}:${hex(c ^ 255, d ^ 255)}`
  return [
    `[::ffff:${dotted}]`,
    `[::FFFF:${pair}]`,
    `[0:0:0:0:0:ffff:${dotted}]`,
    `[0000:0000:0000:0000:0000:ffff:${pair}]`,
    `[::ffff:0:${dotted}]`,
    `[::${dotted}]`,
    `[64:ff9b::${dotted}]`,
    `[64:ff9b:1::${pair}]`,
    `[2002:${pair}::]`,
    `[2002:${pair}::1]`,
    `[2001:0:${pair}::1]`,
    `[2001:0:808:808::${inverted}]`,
    `[2a00::5efe:${dotted}]`,
    `[2a00::200:5efe:${dotted}]`,
    `[::ffff:${dotted}%25lo]`
  ]
}

const named = [
  "localhost",
  "LOCALHOST",
  "localhost.",
  "localhost.localdomain",
  "a.localhost",
  "metadata",
  "metadata.google.internal",
  "metadata.google.internal.",
  "METADATA.GOOGLE.INTERNAL",
  "metadata.goog",
  "instance-data",
  "instance-data.ec2.internal",
  "metadata.tencentyun.com",
  "metadata.azure.internal",
  "127.0.0.1.nip.io",
  "169.254.169.254.nip.io",
  "loopback.test",
  "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
  "lo\u00adcalhost",
  "localhost\u3002",
  "xn--.test",
  "①②⑦.⓪.⓪.①"
]

const literals = [
  "[::1]",
  "[0:0:0:0:0:0:0:1]",
  "[0000:0000:0000:0000:0000:0000:0000:0001]",
  "[::0001]",
  "[::]",
  "[0:0:0:0:0:0:0:0]",
  "[::%25lo]",
  "[::1%25lo]",
  "[::1%lo]",
  "[fe80::1]",
  "[fe80::1%25eth0]",
  "[fe80::1%eth0]",
  "[febf::1]",
  "[fec0::1]",
  "[ff02::1]",
  "[ff05::2]",
  "[fd00:ec2::254]",
  "[fd00:ec2::23]",
  "[FD00:EC2:0:0:0:0:0:254]",
  "[fd20:ce::254]",
  "[fd00::1]",
  "[fc00::1]",
  "[2001:db8::1]",
  "[100::1]",
  "127.0.0.2",
  "127.255.255.254",
  "127.1.1.1",
  "0",
  "0x0",
  "00",
  "0.0",
  "10.0.0.1",
  "172.16.0.1",
  "172.31.255.255",
  "192.168.0.1",
  "100.64.0.1",
  "198.18.0.1",
  "224.0.0.1",
  "239.255.255.250",
  "240.0.0.1",
  "255.255.255.255",
  "0xffffffff",
  "4294967295",
  "256.0.0.1",
  "127.0.0.256",
  "127.0.0.0x1",
  "1.2.3.4.5",
  "0x7f.0.0.0x100",
  "127.0.0.1%00.example",
  "127.0.0.1%0d%0a",
  "127.0.0.1%20",
  "127.0.0.1\t",
  "127.0.0.1 "
]

const hosts = [
  ...numbers(127, 0, 0, 1),
  ...numbers(0, 0, 0, 0),
  ...numbers(169, 254, 169, 254),
  ...numbers(100, 100, 100, 200),
  ...v6(127, 0, 0, 1),
  ...v6(0, 0, 0, 0),
  ...v6(169, 254, 169, 254),
  ...v6(10, 0, 0, 1),
  ...named,
  ...literals
]

/** Ways around the host: credentials, slashes, schemes, fragments. `@` and `\` move what counts as the host. */
const tricks = (port: number) => [
  `http://public.test@127.0.0.1:${port}/`,
  `http://public.test:80@127.0.0.1:${port}/`,
  `http://public.test%40127.0.0.1:${port}/`,
  `http://127.0.0.1:${port}@public.test:${port}/`,
  `http://127.0.0.1:${port}\\@public.test/`,
  `http://127.0.0.1:${port}#@public.test/`,
  `http://127.0.0.1:${port}?@public.test/`,
  `http://public.test\\.127.0.0.1:${port}/`,
  `http:127.0.0.1:${port}/`,
  `http:/127.0.0.1:${port}/`,
  `http:///127.0.0.1:${port}/`,
  `http:\\\\127.0.0.1:${port}\\`,
  `//127.0.0.1:${port}/`,
  `ht\ttp://127.0.0.1:${port}/`,
  `h\nttp://127.0.0.1:${port}/`,
  ` http://127.0.0.1:${port}/`,
  `http://127.0.0.1:${port}\r\nhost: public.test/`,
  `HTTP://127.0.0.1:${port}/`,
  `https://127.0.0.1:${port}/`,
  `ws://127.0.0.1:${port}/`,
  `wss://127.0.0.1:${port}/`,
  `ftp://127.0.0.1:${port}/`,
  `gopher://127.0.0.1:${port}/_GET`,
  `file:///etc/hosts`,
  `unix:/var/run/docker.sock`,
  `http+unix://%2Fvar%2Frun%2Fdocker.sock/`,
  `jar:http://127.0.0.1:${port}!/`,
  `view-source:http://127.0.0.1:${port}/`,
  `http://[127.0.0.1]:${port}/`,
  `http://[::1:${port}/`,
  `http://::1:${port}/`,
  `http://127.0.0.1:${port}0/`,
  `http://127.0.0.1:+${port}/`,
  `http://127.0.0.1:${port}x/`,
  `http://:${port}/`,
  `http://`
]

export const refusedSpellings = (port: number): ReadonlyArray<string> => [
  ...new Set([...hosts.map((host) => `http://${host}:${port}/`), ...tricks(port)])
]

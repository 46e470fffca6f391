/** How the well-known agents are started against a model on loopback: the flag for the protocol, and where the model is. */

export interface Arrangement {
  /** After the program. */
  readonly args: ReadonlyArray<string>
  readonly env: Readonly<Record<string, string>>
  /** Files under the agent's home. */
  readonly files?: Readonly<Record<string, string>>
  /** What the agent needs between two of its processes that take up the same session, in milliseconds. */
  readonly pauseMs?: number
}

/** @param url of the model, @param home a folder for what the agent keeps */
type Arrange = (url: string, home: string) => Arrangement

const key = "no-key"

const opencode: Arrange = (url) => ({
  args: ["acp"],
  env: {
    OPENCODE_CONFIG_CONTENT: JSON.stringify({
      autoupdate: false,
      share: "disabled",
      model: "scripted/scripted",
      small_model: "scripted/scripted",
      provider: {
        scripted: {
          npm: "@ai-sdk/openai-compatible",
          name: "Scripted",
          options: { baseURL: `${url}/v1`, apiKey: key },
          models: { scripted: { name: "Scripted" } }
        }
      },
      permission: { bash: "ask", edit: "ask" }
    }),
    OPENCODE_DISABLE_MODELS_FETCH: "1",
    OPENCODE_DISABLE_LSP_DOWNLOAD: "1"
  }
})

const gemini: Arrange = (url) => ({
  args: ["--experimental-acp", "--model", "gemini-2.5-flash"],
  env: { GEMINI_API_KEY: key, GOOGLE_GEMINI_BASE_URL: url },
  // The file of a session is named by the minute: 0.61.0 loading one within it writes over it first and finds nothing.
  pauseMs: 61_000,
  files: {
    ".gemini/settings.json": JSON.stringify({
      security: { auth: { selectedType: "gemini-api-key" }, folderTrust: { enabled: false } },
      general: { disableAutoUpdate: true, enableAutoUpdate: false },
      privacy: { usageStatisticsEnabled: false }
    })
  }
})

const qwen: Arrange = (url) => ({
  args: ["--acp"],
  env: { OPENAI_API_KEY: key, OPENAI_BASE_URL: `${url}/v1`, OPENAI_MODEL: "scripted" },
  files: {
    ".qwen/settings.json": JSON.stringify({
      security: { auth: { selectedType: "openai" } },
      general: { disableAutoUpdate: true, enableAutoUpdate: false },
      privacy: { usageStatisticsEnabled: false }
    })
  }
})

const claude: Arrange = (url, home) => ({
  args: [],
  env: {
    ANTHROPIC_API_KEY: key,
    ANTHROPIC_BASE_URL: url,
    CLAUDE_CONFIG_DIR: `${home}/.claude`,
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1"
  }
})

const codex: Arrange = (url, home) => ({
  args: [],
  env: { OPENAI_API_KEY: key, CODEX_API_KEY: key, CODEX_HOME: `${home}/.codex` },
  files: {
    ".codex/config.toml": `model = "scripted"
model_provider = "scripted"
approval_policy = "untrusted"
sandbox_mode = "read-only"

[model_providers.scripted]
name = "Scripted"
base_url = "${url}/v1"
env_key = "OPENAI_API_KEY"
wire_api = "responses"
`
  }
})

export const knownAgents: ReadonlyMap<string, Arrange> = new Map([
  ["opencode", opencode],
  ["gemini", gemini],
  ["qwen", qwen],
  ["claude", claude],
  ["codex", codex]
])

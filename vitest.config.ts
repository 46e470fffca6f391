/** The test projects. `npm test` runs them all; `vitest run --project <name>` runs one. */
import { svelte } from "@sveltejs/vite-plugin-svelte"
import { defineConfig } from "vitest/config"

// Read by pact's native core when it loads, so it cannot wait for a worker's `test.env`.
process.env.PACT_DO_NOT_TRACK = "true"

/**
 * On CI a test that fails gets one more try, so that a machine that stalls for a moment does not decide; the output names
 * every test that needed it. At a desk a test that fails now and then shows at once.
 */
const retry = process.env.CI === undefined ? 0 : 1

/** A bound against hanging, not a measure of speed: a busy two-core machine must not fail a sound test. */
const patient = { testTimeout: 60_000, hookTimeout: 60_000, retry }

/** One browser process at a time, and time enough to unpack it on the first run. */
const browser = { maxWorkers: 1, testTimeout: 60_000, hookTimeout: 120_000, retry }

export default defineConfig({
  test: {
    allowOnly: false,
    passWithNoTests: true,
    projects: [
      { test: { name: "unit", include: ["src/**/*.test.ts"], sequence: { groupOrder: 1 }, ...patient } },
      {
        plugins: [svelte({ configFile: false })],
        test: { name: "ui", include: ["svelte-ui/src/**/*.test.ts"], sequence: { groupOrder: 1 } }
      },
      {
        test: {
          name: "contracts",
          include: ["contracts/**/*.test.ts"],
          exclude: ["contracts/**/*.pact.test.ts"],
          sequence: { groupOrder: 1 },
          ...patient
        }
      },
      {
        test: { name: "pact-consumer", include: ["contracts/**/consumer.pact.test.ts"], sequence: { groupOrder: 2 } }
      },
      {
        test: { name: "pact-provider", include: ["contracts/**/provider.pact.test.ts"], sequence: { groupOrder: 3 } }
      },
      { test: { name: "e2e", include: ["svelte-ui/e2e/**/*.test.ts"], sequence: { groupOrder: 4 }, ...browser } }
    ]
  }
})

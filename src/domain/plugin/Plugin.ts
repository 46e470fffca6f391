/** What `yoi-workspace/plugin` exports: everything that a plugin is written with. */
export {
  apiVersion,
  type Connecting,
  defineRuntimeSource,
  defineSecretScheme,
  type PluginDefinition,
  type RuntimeSourceDefinition,
  type RuntimeSourceFacts,
  type SecretLookup,
  type SecretSchemeDefinition,
  type SourceDescription,
  type SourcePrimitives
} from "./Definition.ts"
export type { EventOptions, Outbound, PluginHost, PluginSocket, WebSocketOptions } from "./PluginHost.ts"
export type { FetchAnswer, FetchOptions, PromiseHost, PromiseSocket } from "./PromiseHost.ts"
export {
  type Answer,
  type Call,
  definePromiseSource,
  type JsonObjectSchema,
  type PromiseConnecting,
  type PromisePrimitives,
  type PromiseSourceDefinition
} from "./PromiseSource.ts"
export { problemOf } from "./SafeProblem.ts"
export type { Steps } from "../ConnectionTest.ts"
export type { RuntimeId, WorkerId } from "../Identifiers.ts"
export { type Code, type Problem, make as problem } from "../Problem.ts"
export { type Capabilities, capability, type RuntimeDescription } from "../Runtime.ts"
export { problem as fault, type RuntimeFault } from "../RuntimeFault.ts"
export type { SourceFrame } from "../RuntimeSource.ts"
export type { Snapshot } from "../Snapshot.ts"
export type { TranscriptItem, TranscriptPage } from "../Transcript.ts"
export type {
  Ack,
  CommandOptions,
  CreateWorker,
  InputAck,
  InputRequest,
  ListQuery,
  Replayable,
  Worker,
  WorkerPage
} from "../Worker.ts"
export type { WorkerEvent } from "../WorkerEvent.ts"

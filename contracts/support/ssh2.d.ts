/** What is used of the package `ssh2`, which has no types of its own. */
declare module "ssh2" {
  export interface Client {
    on(event: "authentication", hear: (login: Login) => void): Client
    on(
      event: "tcpip",
      hear: (accept: () => NodeJS.ReadWriteStream, reject: () => void, to: Destination) => void
    ): Client
    on(event: "error" | "ready" | "close", hear: () => void): Client
    end(): void
  }
  interface Login {
    readonly method: string
    readonly key?: { readonly data: Buffer }
    accept: () => void
    reject: () => void
  }
  interface Destination {
    readonly destIP: string
    readonly destPort: number
  }
  export interface KeyPair {
    readonly private: string
    readonly public: string
  }
  const ssh2: {
    readonly Server: new (
      options: { readonly hostKeys: ReadonlyArray<string> },
      serve: (client: Client) => void
    ) => {
      listen: (port: number, host: string, done: () => void) => void
      address: () => { readonly port: number }
      close: (done: () => void) => void
    }
    readonly utils: {
      generateKeyPairSync: (kind: "ed25519") => KeyPair
      parseKey: (text: string) => { readonly getPublicSSH: () => Buffer } | Error
    }
  }
  export default ssh2
}

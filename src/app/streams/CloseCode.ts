/** Why an event stream was closed. 4400, 4401, 4404 and 4406 are final for a client; after any other it reconnects. */
export const CloseCode = {
  normal: 1000,
  shutdown: 1001,
  restart: 1012,
  tryLater: 1013,
  badRequest: 4400,
  unauthorized: 4401,
  notFound: 4404,
  subprotocol: 4406,
  deadPeer: 4408,
  tooMany: 4429
} as const

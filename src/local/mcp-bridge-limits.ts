/** Every number of the bridges to stdio MCP servers, each with its reason. */
const MiB = 1024 * 1024;

export const LIMITS = {
  /** Each is a process for as long as the service runs. */
  servers: 50,
  /** Of one server in the file, and of its environment. */
  args: 200,
  variables: 200,

  /** One message in either direction: a result of 8 MiB fits, and a picture in it as base64. */
  messageBytes: 16 * MiB,
  /** Requests at a time of one server; 48 calls are what one executor carries. */
  requests: 64,
  /** Kept-alive connections of all executors fit; nobody else knows the address. */
  connections: 256,
  /** Progress that its reader has not taken yet; what comes beyond it is left out. */
  unreadBytes: 1 * MiB,

  /** `npx -y` may have to fetch the server first. */
  handshakeMs: 120_000,
  /** From being asked to end until being killed. */
  endMs: 2000,
  endLookMs: 20,
  /** A server that crashes at each call is not started for ever. */
  starts: 5,
  startsWindowMs: 60_000,
  /** After a start that failed, doubled with each further one. */
  backoffMs: 1000,
  backoffMaxMs: 30_000,

  /** A line of the log. */
  lineChars: 1000,
  /** What a server said last is why it ended. */
  lastLines: 5,
  reasonChars: 600,
} as const;

const MiB = 1024 * 1024;

/** Every number of the runner, each with its reason. */
export const LIMITS = {
  /** Where nothing is said; the place discovery looks for a runner first. */
  port: 8765,

  /** A call carries a result of 8 MiB as context, or files as base64 (a third more), and its code. */
  bodyBytes: 24 * MiB,
  /** What one task may hand to the next, the same as a run stores per result. */
  resultBytes: 8 * MiB,
  /** What a person reads of a log; the rest is counted, not kept. */
  outputBytes: 1 * MiB,
  /** A traceback; only a message that carries data is longer. */
  errorChars: 64 * 1024,
  /** Half of what Python's own stack allows; a deeper result is mostly one that contains itself. */
  paramsDepth: 500,
  resultDepth: 500,
  /** What bubblewrap and docker say where they fail: a line or two. */
  reasonChars: 1000,
  /** The report's own keys, and an error of 64 Ki characters, each up to 12 bytes as an escape. */
  reportBytes: 9 * MiB,

  /** Batches share one slot, so a longer one would hold it for hours. */
  batchCalls: 100,
  /** Files and folders are made one by one; more belongs into an archive. */
  files: 1000,
  /** What Linux and macOS file systems take for one name, and a path that fits below any temporary folder. */
  fileNameBytes: 255,
  filePathBytes: 1024,

  /** What the hub takes an instance to do at a time (src/providers/hub-object.ts): fewer would be refused with 429. */
  concurrentLeast: 4,
  /** More processes than any machine has room for. */
  concurrentMost: 1000,
  timeoutSeconds: { least: 1, most: 300, usual: 30 },
  /** For output of a process that left the script's group and still holds the pipe. */
  drainMs: 1000,
  /** Asking a candidate which Python it is; a shim takes 100 ms, a busy machine some more. */
  probeMs: 10_000,

  /** Address space: numpy and its threads fit, two scripts fit into a small machine. */
  memoryBytes: 1024 * MiB,
  /** Kept back from the script, so that its MemoryError can still be written down. */
  memoryReserveBytes: 64 * MiB,
  /** One file; a loop that writes for ever ends in an error instead of a full disk. */
  fileBytes: 256 * MiB,
  /** Work folder and /tmp of a script together, in bubblewrap and docker: they are memory, not disk. */
  folderBytes: 512 * MiB,
  /** What the processes of one script share (multiprocessing's locks and queues live there). */
  sharedMemoryBytes: 64 * MiB,
  /**
   * Processes and threads of one script: numpy starts one thread a core. Not in a plain process, where the system counts
   * per user, and so would count the user's other programs.
   */
  processes: 128,
  /** A process that left its script's group is looked for so often: it may be forking while we look. */
  sweepRounds: 20,
  /** Names and versions that rpc.discover gives; far more than anybody installs. */
  packages: 2000,
  /** Images that --image may allow. */
  images: 20,
} as const;

/**
 * Every limit of the service, in one place, each with its reason.
 * Sizes are bytes unless the name says otherwise, times milliseconds (`…Ms`) or seconds (`…Seconds`).
 */

const KIB = 1024;
const MIB = 1024 * KIB;

/** What a caller may send and what a workflow may say. */
export const LIMITS = {
  // The text is measured before it is parsed.
  yamlBytes: 1 * MIB,
  // Texts, signs, spaces and line ends of a YAML text: the parser takes about a second for so many. 10,000 tasks with
  // four keys each have 470,000; what has more is sent as JSON.
  yamlTokens: 500_000,
  // Inlined files arrive in JSON; an isolate has 128 MB for the body, its parse and its copy.
  bodyBytes: 24 * MIB,
  tasks: 10_000,
  edges: 100_000,
  // Items of lists (1 each) and keys of objects (4 each) in all of a workflow; each is looked at several times, in
  // half a second altogether.
  values: 1_500_000,
  // Keys of a task, or of the workflow itself; there are some thirty to be known. Params have as many as they like.
  keys: 1000,
  // Values of params that are compared with their schema, outermost first; what is beyond is taken on trust. The
  // validator has a list of errors for each, and cannot hold more than some 100,000.
  checkedValues: 10_000,
  // Characters of a text, and of all texts together, on which a schema's patterns are tried: backtracking takes the cube
  // of the former, and the time of each piece of the latter.
  patternChars: 256,
  patternTotalChars: 4096,
  // `${` in the params of all tasks, or of one that is resolved; 250,000 take a third of a second.
  references: 250_000,
  // Characters and directories compared with a batch's pattern, for all files together: a third of a second.
  globComparisons: 20_000_000,
  // JSON.stringify and zod recurse; 64 levels are far below what overflows a stack.
  depth: 64,
  nameChars: 200,
  taskIdChars: 100,
  descriptionChars: 1000,
  tags: 50,
  tagChars: 200,
  metadataBytes: 64 * KIB,
  inputs: 100,
  outputs: 1000,
  retryAttempts: 10,
  parallelTasks: 1000,
  taskTimeoutSeconds: 3600,
  runTimeoutSeconds: 86_400,
  // Problems reported for one file; beyond it the list ends with a note.
  problems: 200,
  pageItems: 200,
  waitSeconds: 60,
  idempotencyKeyChars: 255,
  urlChars: 2000,
  headerChars: 8000,
  // Secret headers of one instance, encrypted, travel with each slot.
  headersBytes: 16 * KIB,
  // Instances of one protocol: each question to its hub looks at all of them.
  instances: 200,
  // Of one instance; what is beyond is not known by name.
  instanceModels: 1000,
  instanceTools: 2000,
  // Names of models, or of tools, of one instance: the list of all instances of a protocol travels by RPC.
  offeredBytes: 32 * KIB,
  // A protocol that somebody registered travels with each run of it and with each call.
  protocolBytes: 256 * KIB,
  protocolMethods: 200,
  // All that are registered: an isolate reads and keeps them together.
  protocols: 100,
  protocolsBytes: 4 * MIB,
  // Instances that one attempt tries, one after the other.
  instancesTried: 5,

  // One task's result. Chunks below the row limit of 2 MB hold it.
  resultBytes: 8 * MIB,
  // Levels of a result: programs that read it recurse.
  resultDepth: 500,
  // Params of one task after substitution: they travel in one answer.
  paramsBytes: 16 * MIB,
  // One sync, and one answer to it; RPC refuses 32 MiB.
  syncBytes: 16 * MIB,
  // Declared outputs of one run, like one result.
  outputsBytes: 8 * MIB,
  // A run or a task as it is shown: RPC refuses 32 MiB, and a run's inputs alone may be 24.
  viewBytes: 30 * MIB,
  // A task as it is shown has its last attempts.
  viewedAttempts: 1000,
  // Errors of a task's attempts, or of a run's tasks, that are shown whole: what stands beside them may be 24 MiB.
  viewedErrorBytes: 1 * MIB,
  // An error's message where there are too many to show them whole.
  shortMessageChars: 200,
  errorMessageChars: 2000,
  errorDetailsBytes: 16 * KIB,
  // A row of an object or of D1 holds 2 MB; what is longer is cut into rows of this size.
  rowBytes: 1 * MIB,
  // Text of a running task kept for followers that come later.
  tokenTextBytes: 256 * KIB,
  // A follower that is this far behind is cut off; it resumes where it was.
  followerBytes: 1 * MIB,
  // Followers of one run.
  followers: 100,
  // One batch of history: one D1 transaction. Also the record that history keeps of one run: what is larger stays in the
  // run's object.
  historyBatchBytes: 4 * MIB,
  historyBatchRuns: 50,
  // History in memory: an object has 128 MB, and reading a page makes copies.
  memoryHistoryBytes: 48 * MIB,
  // Runs that wait for D1 at most; 100,000 of the usual 3 KiB are 300 MB, and an object holds 10 GB.
  waitingRuns: 100_000,
  // Rows that one page of a list looks at: filters that no index serves together are sieved from so many.
  scannedRuns: 1000,
  // Summaries of one page together; they travel by RPC.
  pageBytes: 8 * MIB,
} as const;

/** How the run, its executors and the hub keep each other honest. */
export const TIMING = {
  // An attempt whose executor was not heard of for so long is lost.
  leaseMs: 30_000,
  // An executor without an answered sync for so long aborts its calls: before the lease ends, so that
  // a call is never made twice at the same time.
  leaseAbortMs: 25_000,
  // Executors speak at least this often while they hold something.
  renewMs: 10_000,
  // An invitation without a sync is sent again after 5 s, then 10 s, … 5 min.
  patienceMs: 5_000,
  patienceMaxMs: 300_000,
  // Spread of leases and patience by run id, so that a deploy causes no herd. Leases only ever get longer by it: a
  // shorter one could end before its executor gives up.
  spread: 0.2,
  // After `parked`, how long a need is not offered unless the hub invites.
  parkedMs: 30_000,
  // How long a freed slot is kept for the run that was invited to it.
  reservationMs: 5_000,
  // Waiting so long lifts a task one priority class.
  ageingMs: 60_000,
  // So long after a run was started by somebody who does not wait for its end its work begins.
  answerFirstMs: 4,
  // A session that is never idle lets its thread read what has come from outside this often.
  breathMs: 10,
  // An attempt is timed out by its executor; the run does it itself this much later.
  timeoutGraceMs: 5_000,
  // The first projection of a run waits so long, so that a short run is written once.
  projectionDelayMs: 1_000,
  // Unanswered, history is asked again: so much later, then each time the run's last event is twice as old.
  projectionPatienceMs: 10_000,
  // A database that takes longer has failed; for the second time nobody tries it again.
  historySlowMs: 2_000,
  historyTrialMs: 10_000,
  // What was left behind while it failed goes to it again: so often, and more and more rarely up to the second.
  drainMs: 5_000,
  drainMaxMs: 60_000,
  // An alarm rings late where its object is busy; after so long it was lost.
  alarmLateMs: 5_000,
  // A run that goes on and was not heard of for so long is woken by the sweep.
  silentMs: 600_000,
  // How often instances are looked at while their hub is used; unused, twice as long each time up to the second.
  checkMs: 30_000,
  checkMaxMs: 600_000,
  // Candidate addresses are looked at so often.
  discoveryMs: 300_000,
  // A need that nobody is known to serve is looked for again only where the last look is older.
  freshMs: 2_000,
  // An attempt for which all instances are sick is made again so much later, if none of them says otherwise.
  sickMs: 10_000,
  // One question of a check or of discovery.
  probeMs: 5_000,
  // A look at all of them: what has not been reported by then is not waited for any more.
  lookMs: 20_000,
  // What was discovered and has not answered for so long is dropped.
  goneMs: 3_600_000,
  // A breaker lets a first trial through after so long, then after twice as long, up to the second.
  breakerMs: 10_000,
  breakerMaxMs: 60_000,
  // 429 without Retry-After.
  busyMs: 1_000,
  // What people register is remembered so long, and used so long where D1 fails.
  catalogFreshMs: 60_000,
  catalogStaleMs: 600_000,
  sseCommentMs: 15_000,
  tokenBatchMs: 50,
} as const;

/** Sizes of the pool and of what one executor carries. */
export const CAPACITY = {
  executors: 64,
  // Those that are asked first. Each takes 6 calls without headers, 48 in all.
  executorsFirst: 4,
  // The platform lets an object wait for the headers of 6 connections; local runs do not enforce it, we do.
  unansweredCalls: 6,
  callsPerExecutor: 48,
  // Params of its calls and results it has not said yet: an isolate has 128 MB, and each call needs room beside these.
  bytesPerExecutor: 32 * MIB,
  // Tasks that need no provider end at once; this many go into one answer.
  instantPerSync: 48,
  invitations: 17,
  // A consumer asks this many executors before the message goes back to the queue.
  executorsAsked: 8,
  // Losses in a row after which an attempt is not made again: a reply that kills its executor must end.
  losses: 3,
  // An attempt that failed where it was tried, and found all others busy, is given back so often before it counts.
  returns: 5,
  // What one sweep does at most: runs it wakes (each a request, of which the platform may allow 50), runs it removes.
  sweptSilent: 40,
  sweptEnded: 500,
  // A service that starts wakes all that go on, as far as these are so many times as many.
  sweepsAtStart: 250,
  // A breaker opens after so many failures in a row, or when this share of the last calls failed.
  breakerFailures: 5,
  breakerWindow: 20,
  breakerShare: 0.5,
  // Trials that must succeed before it closes.
  breakerTrials: 2,
  // Calls that an instance takes at a time where nobody says more.
  callsPerInstance: 4,
  // Addresses that are looked at by one candidate setting.
  candidates: 50,
  // One hub's waiting needs; beyond it a run asks again by itself after `parkedMs`.
  hubWaiting: 10_000,
} as const;

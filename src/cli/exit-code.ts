/** What the shell is told. Scripts depend on these: 0 means that the run completed, and nothing else. */
export const EXIT = {
  completed: 0,
  /** The run failed or was cancelled. */
  failed: 1,
  /** Bad usage, a workflow that does not check, a file that is not there. */
  usage: 2,
  unreachable: 3,
  /** Ctrl-C, as shells say it: 128 + SIGINT. */
  interrupted: 130,
} as const;

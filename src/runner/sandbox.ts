/** Where scripts run. Each sandbox makes a new place for each script, and leaves nothing of it behind. */

export const SANDBOX_KINDS = ["process", "bubblewrap", "docker"] as const;
export type SandboxKind = (typeof SANDBOX_KINDS)[number];

export type Sandbox = {
  kind: SandboxKind;
  hasNetwork: boolean;
  /** A script's processes are counted apart from everybody else's, so that their number can be limited. */
  countsProcesses: boolean;
  /** Those a call may name, the first of them where it names none; only docker has any. */
  images: string[];
  open(image: string | undefined): Promise<Place>;
};

/** How Python is started for one script: its own arguments go behind `args`. */
export type Place = {
  command: string;
  args: string[];
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** Ends what the script left running and removes its files; `isKilled` where its end was not its own. */
  leave(isKilled: boolean): Promise<void>;
};

/** All of a script's environment; temporary files go into its folder, so that they go when the folder goes. */
export const environmentIn = (folder: string): Record<string, string> => ({
  PATH: "/usr/local/bin:/usr/bin:/bin",
  LANG: "C.UTF-8",
  HOME: folder,
  TMPDIR: folder,
  PYTHONDONTWRITEBYTECODE: "1",
});

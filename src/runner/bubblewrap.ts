/** Scripts in namespaces of their own, by bubblewrap (https://github.com/containers/bubblewrap), 0.8 or newer. */
import { homedir, release } from "node:os";
import type { Interpreter } from "./interpreter.ts";
import { LIMITS } from "./limits.ts";
import { environmentIn, type Sandbox } from "./sandbox.ts";

type Settings = { interpreter: Interpreter; hasNetwork: boolean };

/** Throws where the interpreter cannot be shown without all that lies around it. Whether it works, only a script shows. */
export function bubblewrapSandbox({ interpreter, hasNetwork }: Settings): Sandbox {
  const folders = ownFolders(interpreter.folders);
  const inner = [...namespaces(hasNetwork), ...mounts(folders, hasNetwork), ...environment()];
  const args = [...(isRoot() ? becomeNobody(folders) : []), ...inner, "--", interpreter.path];
  // All that can be read of it is in /proc/1/environ, which the script can see.
  const env = { PATH: process.env["PATH"] };
  return {
    kind: "bubblewrap",
    hasNetwork,
    countsProcesses: countsByNamespace(),
    images: [],
    // Its files are memory and its processes a namespace: both are gone with the first process.
    open: async () => ({ command: "bwrap", args, cwd: "/", env, leave: async () => {} }),
  };
}

const WORK = "/tmp/work";
const NOBODY = "65534";
const SYSTEM = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store"];
const SETTINGS = [
  "/etc/alternatives",
  "/etc/ca-certificates",
  "/etc/ld.so.cache",
  "/etc/localtime",
  "/etc/pki/ca-trust/extracted",
  "/etc/pki/tls/certs",
  "/etc/ssl/certs",
  "/etc/ssl/openssl.cnf",
];
/** Folders of everybody's things, and homes. */
const WIDE = /^\/(|etc|home|home\/[^/]+|mnt|opt|root|run|srv|tmp|var)$/;
const NETWORK_SETTINGS = ["/etc/hosts", "/etc/nsswitch.conf", "/etc/resolv.conf", "/etc/services"];

/**
 * Without `--new-session`: the runner starts a session for each script already, and as long as bubblewrap's first process
 * in the sandbox stays in the script's group, killing the group is the end of the sandbox at any moment of its life.
 */
const namespaces = (hasNetwork: boolean): string[] => [
  ...["--unshare-user", "--uid", NOBODY, "--gid", NOBODY, "--disable-userns", "--cap-drop", "ALL"],
  ...["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"],
  ...(hasNetwork ? [] : ["--unshare-net"]),
  ...["--hostname", "sandbox", "--die-with-parent"],
];

/** Read-only but for two file systems in memory, each with a size. */
const mounts = (folders: string[], hasNetwork: boolean): string[] => [
  ...["--proc", "/proc", "--dev", "/dev"],
  ...["--perms", "1777", "--size", String(LIMITS.sharedMemoryBytes), "--tmpfs", "/dev/shm"],
  ...["--perms", "1777", "--size", String(LIMITS.folderBytes), "--tmpfs", "/tmp"],
  ...["--perms", "0700", "--dir", WORK, "--chdir", WORK],
  ...[...SYSTEM, ...SETTINGS, ...(hasNetwork ? NETWORK_SETTINGS : [])].flatMap((path) => [
    "--ro-bind-try",
    path,
    path,
  ]),
  ...folders.flatMap((folder) => ["--ro-bind", folder, folder]),
  ...["--remount-ro", "/dev", "--remount-ro", "/"],
];

const environment = (): string[] => [
  "--clearenv",
  ...Object.entries(environmentIn(WORK)).flatMap((variable) => ["--setenv", ...variable]),
];

/**
 * Limits on processes hold for nobody who is root on the machine, whatever he is called in a namespace. So root first
 * becomes somebody else, to whom the interpreter is shown where he could not go (/root).
 */
function becomeNobody(folders: string[]): string[] {
  const tops = new Set(folders.map((folder) => `/${folder.split("/")[1]}`));
  return [
    ...["--dev-bind", "/", "/"],
    ...[...tops].flatMap((top) => ["--perms", "0755", "--tmpfs", top]),
    ...[...new Set(folders.flatMap(parentsOf))].flatMap((folder) => ["--perms", "0755", "--dir", folder]),
    ...folders.flatMap((folder) => ["--ro-bind", folder, folder]),
    ...["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--die-with-parent", "--"],
    ...["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--", "bwrap"],
  ];
}

/** "/root/.pyenv/versions/3" → "/root/.pyenv", "/root/.pyenv/versions": what must be passable below the top. */
function parentsOf(folder: string): string[] {
  const names = folder.split("/");
  return names.slice(2, -1).map((_, index) => names.slice(0, index + 3).join("/"));
}

/** Those that the system's own do not hold already. */
function ownFolders(folders: string[]): string[] {
  const isIn = (folder: string, other: string) => folder === other || folder.startsWith(`${other}/`);
  const own = folders.filter((folder) => !SYSTEM.some((system) => isIn(folder, system)));
  const wide = own.find((folder) => folder === homedir() || WIDE.test(folder));
  if (wide !== undefined) {
    throw new Error(
      `Python's own folder is ${wide}, which holds more than Python; name another: GLEITZEIT_PYTHON`,
    );
  }
  return own.filter((folder) => !own.some((other) => other !== folder && isIn(folder, other)));
}

const isRoot = (): boolean => process.getuid?.() === 0;

/** Since Linux 5.14 a user's processes are counted apart in each user namespace. */
function countsByNamespace(): boolean {
  const [major = 0, minor = 0] = release().split(".").map(Number);
  return major > 5 || (major === 5 && minor >= 14);
}

/** The folder that relative paths of the command line mean. */
import { join } from "node:path";

/** npm runs scripts in the package's folder; INIT_CWD is where the user typed. */
export function userFolder(): string {
  const folder = process.cwd();
  const isNpmScript = process.env["npm_package_json"] === join(folder, "package.json");
  return (isNpmScript ? process.env["INIT_CWD"] : undefined) ?? folder;
}

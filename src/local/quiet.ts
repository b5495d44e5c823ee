/** Miniflare and what it brings read these when they are loaded: no metrics, no reports, no questions to the network. */
const ENVIRONMENT = {
  CI: "1",
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_SEND_ERROR_REPORTS: "false",
  WRANGLER_HIDE_BANNER: "true",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  // Recording every span costs 2–4 times the time.
  X_LOCAL_OBSERVABILITY: "false",
  X_LOCAL_EXPLORER: "false",
};

/** Miniflare, told first to be quiet and to stay on this machine. */
export async function importMiniflare(): Promise<typeof import("miniflare")> {
  Object.assign(process.env, ENVIRONMENT);
  return await import("miniflare");
}

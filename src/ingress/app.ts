/** The HTTP API: a table of contents. What comes first is asked first. */
import { guard } from "./guard.ts";
import { serveOpenApi } from "./openapi.ts";
import { answerError } from "./problem.ts";
import { makeRouter } from "./router.ts";
import { serveEvents } from "./routes/events.ts";
import { serveHistory } from "./routes/history.ts";
import { serveProtocols } from "./routes/protocols.ts";
import { serveProviders } from "./routes/providers.ts";
import { serveRun } from "./routes/run.ts";
import { serveRuns } from "./routes/runs.ts";
import { serveHealth, serveRoot } from "./routes/service.ts";
import { serveStatus } from "./routes/status.ts";
import { serveSteering } from "./routes/steer.ts";
import { serveWorkflows } from "./routes/workflows.ts";
import { stamp } from "./stamp.ts";
import { answerUnserved } from "./unserved.ts";

export const app = makeRouter();

app.onError(answerError);
app.notFound((c) => answerUnserved(app, c));

app.use(stamp);
serveHealth(app);
app.use(guard);
serveRoot(app);
serveStatus(app);
serveOpenApi(app);
serveRuns(app);
serveRun(app);
serveEvents(app);
serveSteering(app);
serveWorkflows(app);
serveProviders(app);
serveProtocols(app);
serveHistory(app);

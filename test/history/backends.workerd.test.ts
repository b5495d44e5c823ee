/** Three backends, one behaviour. */
import { memoryHistory } from "../../src/history/memory.ts";
import { SQL_BACKENDS } from "../workerd/history-backends.ts";
import { describeHistory } from "./suite.ts";

for (const { name, open } of SQL_BACKENDS) describeHistory(name, open);
describeHistory("memory", async () => memoryHistory());

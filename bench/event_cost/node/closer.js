// Closes conversations and archives their messages with the service's own functions, which are in
// Python: `bench.event_cost.closer` runs as a child process.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export class Closer {
  constructor(python) {
    const child = spawn(python, ["-m", "bench.event_cost.closer"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    child.on("exit", (status) => {
      console.error(`The closer ended with status ${status}.`);
      process.exit(1);
    });
    this.requests = child.stdin;
    this.answers = createInterface({ input: child.stdout });
  }

  async close(message) {
    const answered = once(this.answers, "line");
    this.requests.write(`${JSON.stringify(message)}\n`);
    await answered;
  }
}

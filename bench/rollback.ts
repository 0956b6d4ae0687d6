/** Measures the time from a failed health check to the first answer of the old system, on the host's clock. */
import type { BenchFleet } from "./fleet.ts";
import { median, type Row } from "./table.ts";

const service = (status: number): string =>
  [
    "[services.answers]",
    'host = "h001"',
    "port = 8080",
    'health = "/"',
    `options = { status = ${status} }`,
    "",
  ].join("\n");

/** Writes "UPTIME PHASE STATUS" about twenty times a second: the supervisor's phase and the service's HTTP status. */
const WATCH = [
  "rm -f /run/pantheros-watch",
  "while :; do",
  "read -r up _ </proc/uptime",
  "phase=$(sed -n 's/^phase=//p' /var/lib/pantheros/record | tail -n 1)",
  "code=$(curl -s -o /dev/null -m 1 -w '%{http_code}' http://127.0.0.1:8080/)",
  'echo "$up $phase $code" >>/run/pantheros-watch',
  "sleep 0.03",
  "done",
].join("\n");

/** Seconds from the first line in phase rolling-back to the next line with status 200. */
export function rollbackSeconds(watched: string): number {
  const lines = watched.split("\n").map((line) => line.trim().split(" "));
  const begun = lines.findIndex(([, phase]) => phase === "rolling-back");
  if (begun < 0) throw new Error("the host never rolled back");
  const served = lines.slice(begun).find(([, , code]) => code === "200");
  if (served === undefined) throw new Error("the old system never served again");
  return Number(served[0]) - Number(lines[begun]?.[0]);
}

export async function measureRollback(
  fleet: BenchFleet,
  rounds: number,
  log: (line: string) => void,
): Promise<Row> {
  const values: number[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    fleet.write(undefined, service(200));
    await fleet.up();
    await fleet.onMachine(
      "h001",
      `systemd-run --quiet --collect --unit=pantheros-watch sh -c '${WATCH.replaceAll("'", "'\\''")}'`,
    );
    fleet.write(undefined, service(503));
    // The verdict must fail.
    const failed = await fleet.up().then(
      () => false,
      () => true,
    );
    if (!failed) throw new Error("an unhealthy host was confirmed");
    const { stdout } = await fleet.onMachine(
      "h001",
      "systemctl stop pantheros-watch; cat /run/pantheros-watch",
    );
    values.push(rollbackSeconds(stdout));
    log(`rollback, round ${round} of ${rounds}: ${values.at(-1)?.toFixed(2)} s`);
  }
  fleet.write();
  await fleet.up();
  return {
    what: "failed health check to the old system serving again",
    value: median(values),
    limit: 3,
    unit: "s",
    from: "measured on the host",
  };
}

/** The causes on a host's page. */
import { whySection } from "../../../centre/pages/why.ts";
import { fleetOf, hostOf } from "./fixtures.ts";

const text = async (...given: Parameters<typeof whySection>) => String(await whySection(...given));

test("a held host links to the host that failed, with its cause and the next commands", async () => {
  const db = {
    ...hostOf({ name: "db", state: "rolled-back", outcome: "rolled-back" }),
    ...{ step: "health", reason: "hello: status 500", hint: "read the log" },
  };
  const web = {
    ...hostOf({ name: "web", state: "held", outcome: "held" }),
    ...{ step: "wave", reason: "waits for db (rolled-back)" },
  };
  const page = await text(fleetOf(web, db), "web");
  expect(page).toContain("<li>the last run did not touch it: it waits for db (rolled-back)</li>");
  expect(page).toContain(
    '<a href="/hosts/db">db</a>: the last deploy was rolled back at health: hello: status 500',
  );
  expect(page).toContain("read the log");
  expect(page).toContain("tools/pantheros up --on db\n");
});

test("text of a host is text", async () => {
  const web = {
    ...hostOf({ name: "web", state: "failed", outcome: "failed" }),
    ...{ step: "activate", reason: "<img src=x onerror=alert(1)>\u001b[2J" },
  };
  const page = await text(fleetOf(web), "web");
  expect(page).toContain("&lt;img src=x onerror=alert(1)&gt;");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the test searches for them.
  expect(page).not.toMatch(/<img|\u001b/);
});

test("a host without a cause has no section", async () => {
  expect(await text(fleetOf(hostOf({ name: "web", outcome: "confirmed" })), "web")).toBe("");
});

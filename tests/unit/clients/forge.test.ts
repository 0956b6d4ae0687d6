/** One comment and one issue on a forge, whatever happened before. */
import type { Forge } from "../../../clients/forge/forge.ts";
import { GitHub } from "../../../clients/forge/github.ts";
import { GitLab } from "../../../clients/forge/gitlab.ts";
import { postComment, postIssue } from "../../../clients/forge/upsert.ts";
import { EmulatedForge, type Text } from "./emulated-forge.ts";

const MARKER = "<!-- marker -->";
const OWN = { github: "github-actions[bot]", gitlab: "project_1_bot" };

describe.each(["github", "gitlab"] as const)("%s", (kind) => {
  let emulated: EmulatedForge;
  let forge: Forge;
  beforeEach(() => {
    emulated = new EmulatedForge(kind, kind === "gitlab" ? OWN.gitlab : undefined);
    const options = {
      endpoint: "https://forge.test",
      token: "t0ken",
      fetch: emulated.fetch,
      sleep: async () => {},
    };
    forge =
      kind === "github"
        ? new GitHub({ ...options, repository: "o/r" })
        : new GitLab({ ...options, project: "o/r" });
  });

  const post = (text: string, commit = "head-1") =>
    postComment(forge, { change: 5, marker: MARKER, body: `${MARKER}\n${text}`, commit });
  const texts = (all: readonly Text[]) => all.map(({ author, body }) => `${author}: ${body}`);
  const crowd = (count: number): Text[] =>
    Array.from({ length: count }, (_, at) => ({ id: at + 1, author: "reviewer", body: `remark ${at}` }));

  test("the comment is added, then replaced, then kept", async () => {
    expect(await post("one")).toEqual({ did: "added" });
    expect(await post("two")).toEqual({ did: "edited" });
    expect(await post("two")).toEqual({ did: "kept" });
    expect(texts(emulated.comments)).toEqual([`${OWN[kind]}: ${MARKER}\ntwo`]);
  });

  test("it is found behind 250 comments of others, and a marker of somebody else is no claim", async () => {
    emulated.comments = [...crowd(250), { id: 900, author: "reviewer", body: `${MARKER}\nforged` }];
    await post("one");
    emulated.comments.push(...crowd(3));
    expect(await post("two")).toEqual({ did: "edited" });
    const own = emulated.comments.filter(({ body }) => body.includes(MARKER));
    expect(texts(own)).toEqual([`reviewer: ${MARKER}\nforged`, `${OWN[kind]}: ${MARKER}\ntwo`]);
  });

  test("another text of the own account is left alone, also when it quotes the marker", async () => {
    emulated.comments = [{ id: 1, author: OWN[kind], body: `see:\n${MARKER}` }];
    await post("one");
    expect(emulated.comments).toHaveLength(2);
  });

  test("a late run for an older commit writes nothing", async () => {
    await post("new");
    emulated.head = "head-2";
    await post("newest", "head-2");
    expect(await post("old", "head-1")).toEqual({ did: "outdated", head: "head-2" });
    expect(texts(emulated.comments)).toEqual([`${OWN[kind]}: ${MARKER}\nnewest`]);
  });

  test("a request whose answer is lost and that arrives twice leaves one comment", async () => {
    let lost = 1;
    emulated.failAfter = (request) => request.startsWith("POST") && lost-- > 0;
    await post("one");
    expect(texts(emulated.comments)).toEqual([`${OWN[kind]}: ${MARKER}\none`]);
  });

  test("comments that two runs left are one again", async () => {
    const body = `${MARKER}\nold`;
    emulated.comments = [1, 2, 3].map((id) => ({ id, author: OWN[kind], body }));
    await post("one");
    expect(texts(emulated.comments)).toEqual([`${OWN[kind]}: ${MARKER}\none`]);
  });

  test("a refused token is named with its remedy, and is not in the message", async () => {
    const options = { endpoint: "https://forge.test", token: "secret-t0ken", fetch: emulated.fetch };
    const other =
      kind === "github"
        ? new GitHub({ ...options, repository: "o/r" })
        : new GitLab({ ...options, project: "o/r" });
    const failed = postComment(other, { change: 5, marker: MARKER, body: MARKER, commit: "head-1" });
    await expect(failed).rejects.toThrow(/Bad credentials.*; the token needs/);
    await expect(failed).rejects.not.toThrow(/secret-t0ken/);
  });

  const report = (text: string, needed: boolean) =>
    postIssue(forge, { title: "Drift", marker: MARKER, body: `${MARKER}\n${text}`, needed });

  test("one issue is opened, updated, closed, and opened anew", async () => {
    emulated.issues = [
      ...crowd(120).map((each) => ({ ...each, open: true })),
      ...(kind === "github"
        ? [{ id: 700, author: OWN.github, body: `${MARKER}\na pull request`, odd: true }]
        : []),
    ];
    const before = emulated.issues.length;
    expect(await report("", false)).toEqual({ did: "nothing" });
    expect(await report("one", true)).toEqual({ did: "added" });
    expect(await report("two", true)).toEqual({ did: "edited" });
    expect(await report("two", true)).toEqual({ did: "kept" });
    expect(emulated.issues.slice(before)).toMatchObject([
      { title: "Drift", body: `${MARKER}\ntwo`, open: true },
    ]);
    expect(await report("", false)).toEqual({ did: "closed" });
    expect(await report("three", true)).toEqual({ did: "added" });
    expect(emulated.issues.slice(before).map(({ open }) => open)).toEqual([false, true]);
  });
});

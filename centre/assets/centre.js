// Keeps the page up to date: when the server reports a newer revision, the page is fetched again and `main` is morphed,
// which keeps focus and scroll position. Without this script a reload shows the same.
import { Idiomorph } from "./idiomorph.js";

// A page on which nothing changes is fetched again too, because the ages that it shows do change.
const AGES_MS = 30_000;

const live = document.querySelector(".live");
const main = () => document.querySelector("main");
const report = (text) => {
  live.textContent = text;
  live.hidden = text === "";
};

// What a person opened, or is typing, stays.
const morphing = {
  ignoreActiveValue: true,
  callbacks: { beforeAttributeUpdated: (name) => name !== "open" },
};

let isFetching = false;
let isWanted = false;

async function fetchPage() {
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok)
    return report(`Not up to date: the control centre answered ${answer.status}. Reload the page.`);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  Idiomorph.morph(main(), fresh.querySelector("main"), morphing);
  report("");
}

// One fetch at a time; a change during a fetch is fetched after it.
async function update() {
  isWanted = true;
  if (isFetching) return;
  isFetching = true;
  try {
    while (isWanted) {
      isWanted = false;
      await fetchPage();
    }
  } catch {
    report("Not connected: this page does not change.");
  } finally {
    isFetching = false;
  }
}

if (document.querySelector("main[data-revision]")) {
  const events = new EventSource(main().dataset.live);
  events.addEventListener("revision", ({ data }) => {
    if (data !== main().dataset.revision) update();
  });
  events.addEventListener("open", () => report(""));
  events.addEventListener("error", () => report("Not connected: this page does not change."));
  setInterval(() => {
    if (!document.hidden && events.readyState === EventSource.OPEN) update();
  }, AGES_MS);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) update();
  });
}

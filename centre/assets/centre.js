// Keeps the page up to date: when the server reports a newer revision, the page is fetched again and `main` is morphed,
// which keeps focus and scroll position. Without this script a reload shows the same.
import { Idiomorph } from "./idiomorph.js";

const live = document.querySelector(".live");
const report = (text) => {
  live.textContent = text;
  live.hidden = text === "";
};

async function update() {
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok) return report(`not up to date: the control centre answered ${answer.status}`);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  // What a person is typing stays.
  Idiomorph.morph(document.querySelector("main"), fresh.querySelector("main"), { ignoreActiveValue: true });
  report("");
}

if (document.querySelector("main[data-revision]")) {
  const events = new EventSource("/live");
  events.addEventListener("revision", ({ data }) => {
    if (data !== document.querySelector("main").dataset.revision) update();
  });
  events.addEventListener("open", () => report(""));
  events.addEventListener("error", () => report("not connected: this page does not change"));
}

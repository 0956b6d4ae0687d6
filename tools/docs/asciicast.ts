/** Reads and writes asciicasts (version 2, plain lines only), and draws them as animated SVGs without scripts. */
import * as z from "zod";

/** One line that was printed. `seconds` count from the start of the recording. */
export interface PrintedLine {
  readonly seconds: number;
  readonly text: string;
}

const COLUMNS = 134;
const ROWS = 30;
/** Longer pauses are cut to this many seconds. */
const MAX_PAUSE_SECONDS = 0.25;
/** The pause before a prompt, in which the screen can be read. */
const PROMPT_PAUSE_SECONDS = 4;
/** Begins a line with a command. */
export const PROMPT = "$ ";
/** The pause on the last screen, before the animation repeats. */
const LAST_SCREEN_SECONDS = 8;
const CHARACTER_WIDTH = 7.8;
const LINE_HEIGHT = 17;
const MARGIN = 14;
const COLOURS = { ground: "#16181d", text: "#d6d9de", command: "#7fd1a0", bad: "#f0a070" };

const eventSchema = z.tuple([z.number().min(0), z.literal("o"), z.string()]);

export function writeRecording(lines: readonly PrintedLine[]): string {
  const header = { version: 2, width: COLUMNS, height: ROWS };
  const events = lines.map(({ seconds, text }) => [Number(seconds.toFixed(2)), "o", `${text}\r\n`]);
  return `${[header, ...events].map((entry) => JSON.stringify(entry)).join("\n")}\n`;
}

/**
 * The lines of a recording.
 * @throws Error that names `file` and the line of an entry that is not one plain line of text.
 */
export function parseRecording(cast: string, file: string): PrintedLine[] {
  const [header = "", ...entries] = cast.trimEnd().split("\n");
  if (!z.object({ version: z.literal(2) }).safeParse(JSON.parse(header)).success) {
    throw new Error(`${file}:1: not the header of an asciicast of version 2`);
  }
  return entries.map((entry, at) => {
    const event = eventSchema.safeParse(JSON.parse(entry));
    const [seconds, , text] = event.success ? event.data : [0, "o", ""];
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused.
    if (!event.success || !/^[^\x00-\x1f\x7f]*\r\n$/.test(text)) {
      throw new Error(`${file}:${at + 2}: not [seconds, "o", "one line without control characters\\r\\n"]`);
    }
    return { seconds, text: text.slice(0, -2) };
  });
}

/** Cuts long pauses, and sets the pause before each prompt. */
function limitPauses(lines: readonly PrintedLine[]): PrintedLine[] {
  let recorded = 0;
  let shown = 0;
  return lines.map(({ seconds, text }, at) => {
    const readable = at > 0 && text.startsWith(PROMPT);
    shown += readable ? PROMPT_PAUSE_SECONDS : Math.min(seconds - recorded, MAX_PAUSE_SECONDS);
    recorded = seconds;
    return { seconds: shown, text };
  });
}

/** Wraps lines at the terminal's width. */
const wrapLines = (lines: readonly PrintedLine[]): PrintedLine[] =>
  lines.flatMap(({ seconds, text }) =>
    Array.from({ length: Math.max(1, Math.ceil(text.length / COLUMNS)) }, (_, row) => ({
      seconds,
      text: text.slice(row * COLUMNS, (row + 1) * COLUMNS),
    })),
  );

const escapeXml = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

function classOf(text: string): string {
  if (text.startsWith(PROMPT)) return ' class="command"';
  return /rolled-back|not converged|error:/.test(text) ? ' class="bad"' : "";
}

/** Keyframes that set each value at its time and keep it until the next. */
function keyframes(name: string, values: ReadonlyMap<number, number>, duration: number): string {
  const steps = [...values].map(
    ([seconds, pixels]) => `${((seconds / duration) * 100).toFixed(2)}%{transform:translateY(${pixels}px)}`,
  );
  return `@keyframes ${name}{${steps.join("")}}`;
}

/**
 * An SVG that shows the lines as they were printed, repeatedly. All lines are one column, which moves up when the
 * screen is full; a cover below the last printed line hides the rest. With reduced motion it shows the last screen.
 */
export function drawRecording(recorded: readonly PrintedLine[]): string {
  const lines = wrapLines(limitPauses(recorded));
  const duration = (lines.at(-1)?.seconds ?? 0) + LAST_SCREEN_SECONDS;
  const column = new Map<number, number>();
  const cover = new Map<number, number>();
  const show = (seconds: number, count: number) => {
    column.set(seconds, -Math.max(0, count - ROWS) * LINE_HEIGHT);
    cover.set(seconds, Math.min(count, ROWS) * LINE_HEIGHT);
  };
  lines.forEach(({ seconds }, at) => {
    show(seconds, at + 1);
  });
  show(duration, lines.length);
  const width = Math.ceil(COLUMNS * CHARACTER_WIDTH) + 2 * MARGIN;
  const inside = ROWS * LINE_HEIGHT;
  const height = inside + 2 * MARGIN;
  const texts = lines.map(
    ({ text }, at) =>
      `<text y="${(at + 1) * LINE_HEIGHT - 4}"${classOf(text)} xml:space="preserve">${escapeXml(text)}</text>`,
  );
  const animation = (name: string) => `animation:${name} ${duration.toFixed(1)}s step-end infinite`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Recording of a terminal">
<title>Recording of a terminal</title>
<style>
text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:${COLOURS.text};white-space:pre}
.command{fill:${COLOURS.command}}.bad{fill:${COLOURS.bad}}
.column{transform:translateY(${-Math.max(0, lines.length - ROWS) * LINE_HEIGHT}px)}.cover{transform:translateY(${Math.min(lines.length, ROWS) * LINE_HEIGHT}px)}
${keyframes("column", column, duration)}
${keyframes("cover", cover, duration)}
@media (prefers-reduced-motion:no-preference){.column{${animation("column")}}.cover{${animation("cover")}}}
</style>
<rect width="${width}" height="${height}" rx="8" fill="${COLOURS.ground}"/>
<clipPath id="screen"><rect width="${width}" height="${inside}"/></clipPath>
<g transform="translate(${MARGIN} ${MARGIN})" clip-path="url(#screen)">
<g class="column">
${texts.join("\n")}
</g>
<rect class="cover" width="${width}" height="${inside}" fill="${COLOURS.ground}"/>
</g>
</svg>
`;
}

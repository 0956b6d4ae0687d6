/** A shape for each state, so that a state can be told without its colour. Paths in a box of 16 by 16, drawn as lines. */

const CIRCLE = "M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 0 0 0-13";
const CROSS = "M5.3 1.5h5.4l3.8 3.8v5.4l-3.8 3.8H5.3L1.5 10.7V5.3zM5.7 5.7l4.6 4.6M10.3 5.7l-4.6 4.6";
const CHECK = `${CIRCLE}M5 8.2l2.1 2.1L11 6`;

const SHAPES: Readonly<Record<string, string>> = {
  failed: CROSS,
  "rolled-back": "M3 3v4h4M3.3 7a5.5 5.5 0 1 1-.6 3.5",
  unreachable: `${CIRCLE}M3.5 3.5l9 9`,
  drifted: "M2.5 6h11M2.5 10.5h11M10.5 2.5l-5 11.5",
  degraded: "M8 2L14.5 13.5h-13zM8 6.5v3M8 11.4v.4",
  held: "M5.5 3v10M10.5 3v10",
  new: "M8 3v10M3 8h10",
  activating: "M8 1.5a6.5 6.5 0 1 1-6.5 6.5M8 4.5V8l2.5 1.5",
  staged: "M8 1.5v6M4.5 3.8a5.5 5.5 0 1 0 7 0",
  offline: "M13.5 9.5A6 6 0 1 1 6.5 2.5a5 5 0 0 0 7 7z",
  pinned: "M8 10v4.5M4 10h8l-1.5-3V2.5h-5V7z",
  ok: CHECK,
  confirmed: CHECK,
  succeeded: CHECK,
  passed: CHECK,
  missed: CROSS,
  over: CROSS,
};

/** The shape of a state; a circle for a word that has none. */
export const shapeOf = (state: string): string =>
  Object.hasOwn(SHAPES, state) ? (SHAPES[state] ?? CIRCLE) : CIRCLE;

/** The parts of a fleet inside each other (environments, waves, hosts, services and names), and where a picture has them. */
import type { HostDetail } from "../../status/detail.ts";

/** A service, or a name that is not a service's. */
export interface HostPart {
  readonly kind: "service" | "name";
  readonly text: string;
  /** Address of the service, or types of the records. */
  readonly detail: string;
  readonly url?: string;
}

export interface TopologyHost {
  readonly detail: HostDetail;
  readonly parts: readonly HostPart[];
}

export interface TopologyWave {
  readonly wave: number;
  readonly hosts: readonly TopologyHost[];
}

export interface TopologyEnvironment {
  readonly name: string;
  readonly waves: readonly TopologyWave[];
}

/** Groups by a key, in the order in which the keys first occur. */
function groupBy<K, T>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

const hostname = (url: string): string => (URL.canParse(url) ? new URL(url).hostname : url);

/** The services first, then each name once with its types, unless a service has it in its address. */
export function partsOf({ services, names }: HostDetail): HostPart[] {
  const served = new Set(services.map(({ url }) => hostname(url)));
  const types = groupBy(
    names.filter(({ name }) => !served.has(name)),
    ({ name }) => name,
  );
  return [
    ...services.map(
      ({ name, url, public: isPublic }): HostPart => ({
        kind: "service",
        text: name,
        detail: `${hostname(url)}${isPublic ? "" : ", tailnet only"}`,
        url,
      }),
    ),
    ...[...types].map(
      ([name, records]): HostPart => ({
        kind: "name",
        text: name,
        detail: [...new Set(records.map(({ type }) => type))].join(" "),
      }),
    ),
  ];
}

/** Groups hosts by environment and wave, in the order in which they are deployed to. */
export function topologyOf(details: readonly HostDetail[]): TopologyEnvironment[] {
  const byName = (a: HostDetail, b: HostDetail) => (a.status.name < b.status.name ? -1 : 1);
  const environments = groupBy([...details].sort(byName), ({ environment }) => environment);
  return [...environments].map(([name, members]) => ({
    name,
    waves: [...groupBy(members, ({ status }) => status.wave)]
      .sort(([a], [b]) => a - b)
      .map(([wave, hosts]) => ({
        wave,
        hosts: hosts.map((detail) => ({ detail, parts: partsOf(detail) })),
      })),
  }));
}

/** Sizes of the picture, in its own pixels. */
export const TILE_WIDTH = 252;
/** The line with the host's name, and each line below it. */
export const HEAD_HEIGHT = 32;
export const LINE_HEIGHT = 20;
const TILE_END = 8;
const GAP = 10;
const MARGIN = 14;
/** Above the tiles: the name of the wave, or of the environment. */
const TITLE_HEIGHT = 34;
/** Between two waves, for the arrow. */
const BETWEEN = 26;

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface PlacedHost extends TopologyHost {
  readonly box: Box;
}

export interface PlacedWave {
  readonly wave: number;
  readonly box: Box;
  readonly hosts: readonly PlacedHost[];
}

export interface PlacedEnvironment {
  readonly name: string;
  readonly box: Box;
  readonly waves: readonly PlacedWave[];
}

export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly environments: readonly PlacedEnvironment[];
}

const tileHeight = ({ parts }: TopologyHost): number =>
  HEAD_HEIGHT + parts.length * LINE_HEIGHT + (parts.length === 0 ? 0 : TILE_END);

function placeWave({ wave, hosts }: TopologyWave, columns: number, x: number, y: number): PlacedWave {
  const bottoms = Array.from({ length: columns }, () => y + TITLE_HEIGHT);
  const placed = hosts.map((host): PlacedHost => {
    const column = bottoms.indexOf(Math.min(...bottoms));
    const top = bottoms[column] ?? y;
    const height = tileHeight(host);
    bottoms[column] = top + height + GAP;
    return {
      ...host,
      box: { x: x + MARGIN + column * (TILE_WIDTH + GAP), y: top, width: TILE_WIDTH, height },
    };
  });
  const width = 2 * MARGIN + columns * TILE_WIDTH + (columns - 1) * GAP;
  return { wave, hosts: placed, box: { x, y, width, height: Math.max(...bottoms) - GAP + MARGIN - y } };
}

/** Places each wave below the one before it, with its hosts in `columns` columns of about the same height. */
export function placeTopology(environments: readonly TopologyEnvironment[], columns: number): Picture {
  const width = 4 * MARGIN + columns * TILE_WIDTH + (columns - 1) * GAP;
  let y = 0;
  const placed = environments.map(({ name, waves }): PlacedEnvironment => {
    const top = y;
    y += TITLE_HEIGHT;
    const inside = waves.map((wave) => {
      const each = placeWave(wave, columns, MARGIN, y);
      y += each.box.height + BETWEEN;
      return each;
    });
    y += MARGIN - BETWEEN;
    const height = y - top;
    y += GAP;
    return { name, waves: inside, box: { x: 0, y: top, width, height } };
  });
  return { width, height: Math.max(0, y - GAP), environments: placed };
}

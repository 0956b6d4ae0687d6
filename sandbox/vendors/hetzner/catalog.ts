/**
 * The vendor's fixed lists: locations, server types, images. Sizes are the vendor's of late 2026; prices
 * are approximate.
 */

interface Location {
  id: number;
  name: string;
  description: string;
  country: string;
  city: string;
  latitude: number;
  longitude: number;
  network_zone: string;
}

/** Id, name, description, country, city, latitude, longitude, network zone. */
const LOCATIONS: [number, string, string, string, string, number, number, string][] = [
  [1, "fsn1", "Falkenstein DC Park 1", "DE", "Falkenstein", 50.47612, 12.370071, "eu-central"],
  [2, "nbg1", "Nuremberg DC Park 1", "DE", "Nuremberg", 49.452102, 11.076665, "eu-central"],
  [3, "hel1", "Helsinki DC Park 1", "FI", "Helsinki", 60.169855, 24.938379, "eu-central"],
  [4, "ash", "Ashburn, VA", "US", "Ashburn, VA", 39.045821, -77.487073, "us-east"],
  [5, "hil", "Hillsboro, OR", "US", "Hillsboro, OR", 45.54222, -122.951924, "us-west"],
  [6, "sin", "Singapore", "SG", "Singapore", 1.283333, 103.833333, "ap-southeast"],
];
export const locations = LOCATIONS.map(
  ([id, name, description, country, city, latitude, longitude, network_zone]): Location => ({
    id,
    name,
    description,
    country,
    city,
    latitude,
    longitude,
    network_zone,
  }),
);

export interface ServerType {
  id: number;
  name: string;
  cores: number;
  memory: number;
  disk: number;
  cpu_type: "shared" | "dedicated";
  architecture: "x86" | "arm";
  category: string;
  monthly: number;
  locations: string[];
}

const EUROPE = ["fsn1", "nbg1", "hel1"];
const EVERYWHERE = locations.map((place) => place.name);

/** Id, name, cores, memory (GB), disk (GB), euros per month. */
const SERVER_TYPES: [number, string, number, number, number, number][] = [
  [22, "cpx11", 2, 2, 40, 5],
  [23, "cpx21", 3, 4, 80, 8],
  [24, "cpx31", 4, 8, 160, 15],
  [25, "cpx41", 8, 16, 240, 29],
  [26, "cpx51", 16, 32, 360, 63],
  [45, "cax11", 2, 4, 40, 4],
  [93, "cax21", 4, 8, 80, 7],
  [94, "cax31", 8, 16, 160, 13],
  [95, "cax41", 16, 32, 320, 25],
  [96, "ccx13", 2, 8, 80, 13],
  [97, "ccx23", 4, 16, 160, 25],
  [98, "ccx33", 8, 32, 240, 49],
  [99, "ccx43", 16, 64, 360, 97],
  [104, "cx22", 2, 4, 40, 4],
  [105, "cx32", 4, 8, 80, 7],
  [106, "cx42", 8, 16, 160, 17],
  [107, "cx52", 16, 32, 320, 33],
  [109, "cpx22", 2, 4, 80, 7],
  [110, "cpx32", 4, 8, 160, 12],
  [111, "cpx42", 8, 16, 320, 22],
  [112, "cpx52", 12, 24, 480, 32],
  [113, "cpx62", 16, 32, 640, 43],
  [114, "cx23", 2, 4, 40, 4],
  [115, "cx33", 4, 8, 80, 6],
  [116, "cx43", 8, 16, 160, 10],
  [117, "cx53", 16, 32, 320, 18],
];
export const serverTypes = SERVER_TYPES.map(([id, name, cores, memory, disk, monthly]): ServerType => {
  const arm = name.startsWith("cax");
  const dedicated = name.startsWith("ccx");
  return {
    id,
    name,
    cores,
    memory,
    disk,
    monthly,
    cpu_type: dedicated ? "dedicated" : "shared",
    architecture: arm ? "arm" : "x86",
    category: dedicated ? "general_purpose" : name.startsWith("cpx") ? "regular_purpose" : "cost_optimized",
    locations: arm || name.startsWith("cx") ? EUROPE : EVERYWHERE,
  };
});

export interface SystemImage {
  id: number;
  name: string;
  description: string;
  os_flavor: string;
  os_version: string;
  architecture: "x86" | "arm";
  disk_size: number;
}

const image = (id: number, flavor: string, version: string, title: string): SystemImage[] =>
  (["x86", "arm"] as const).map((architecture, index) => ({
    id: id + index,
    name: `${flavor}-${version}`,
    description: title,
    os_flavor: flavor,
    os_version: version,
    architecture,
    disk_size: 5,
  }));

export const systemImages: SystemImage[] = [
  ...image(114690387, "debian", "12", "Debian 12"),
  ...image(310557660, "debian", "13", "Debian 13"),
  ...image(161547269, "ubuntu", "24.04", "Ubuntu 24.04"),
  ...image(330557660, "ubuntu", "26.04", "Ubuntu 26.04"),
  ...image(119621184, "fedora", "42", "Fedora 42"),
  ...image(114690395, "rocky", "9", "Rocky Linux 9"),
];

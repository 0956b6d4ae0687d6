import { listNames, nearestName, unknownName } from "../../../lib/names.ts";

test("a list of names is sorted, and cut at ten", () => {
  const names = Array.from({ length: 12 }, (_, at) => `h${String(at).padStart(2, "0")}`);
  expect(listNames(["b", "a"])).toBe("a, b");
  expect(listNames([])).toBe("none");
  expect(listNames(names.slice(0, 10))).toBe("h00, h01, h02, h03, h04, h05, h06, h07, h08, h09");
  expect(listNames(names)).toBe("h00, h01, h02, h03, h04, h05, h06, h07, h08, h09 and 2 more");
});

test.each([
  ["storag", "storage"],
  ["Storage", "storage"],
  ["wbe", undefined], // two of three characters
  ["wob", "web"],
  ["nowhere", undefined],
])("the nearest name of %s is %s", (given, expected) => {
  expect(nearestName(given, ["db", "storage", "web"])).toBe(expected);
});

test("of many names the most similar ones are listed first, ten at most", () => {
  const hosts = Array.from({ length: 100 }, (_, at) => `node${at}`);
  expect(unknownName("host", "nodee42", ["alpha", ...hosts])).toBe(
    'unknown host "nodee42"; did you mean "node42"? Hosts are node42, node12, node14, node2, node22, node24, node32, node34, node4, node40 and 91 more',
  );
});

test("an unknown name comes with the nearest one, and with those that exist", () => {
  expect(unknownName("host", "nowhere", ["web", "db"])).toBe('unknown host "nowhere"; hosts are db, web');
  expect(unknownName("host", "webb", ["web", "db"])).toBe(
    'unknown host "webb"; did you mean "web"? Hosts are db, web',
  );
});

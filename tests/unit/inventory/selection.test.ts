import { selectHosts } from "../../../inventory/selection.ts";

const host = (
  name: string,
  tags: string[],
  wave = 1,
  profiles: ("server" | "workstation")[] = ["server"],
) => ({
  name,
  tags,
  wave,
  profiles,
});
const hosts = [
  host("db", ["server", "database"]),
  host("db-2", ["server", "database"], 2),
  host("laptop", ["user"], 2, ["workstation"]),
  host("web", ["server"]),
];

test.each<[string, string[]]>([
  ["web", ["web"]],
  ["web,db", ["db", "web"]],
  [" web , db , web ", ["db", "web"]],
  ["@database", ["db", "db-2"]],
  ["@workstation", ["laptop"]],
  ["@wave2", ["db-2", "laptop"]],
  ["db*", ["db", "db-2"]],
  ["*", ["db", "db-2", "laptop", "web"]],
  ["*b*", ["db", "db-2", "web"]],
  ["@database,laptop", ["db", "db-2", "laptop"]],
])("%s", (selection, names) => expect(selectHosts(selection, hosts)).toEqual(names));

test.each([
  ["", 'the selection "" is empty'],
  [" , ", 'the selection " , " is empty'],
  ["wen", 'unknown host "wen"; did you mean "web"? Hosts are db, db-2, laptop, web'],
  ["web,nobody", 'unknown host "nobody"'],
  ["@servre", 'unknown tag "servre"; did you mean "server"?'],
  ["@wave9", 'unknown tag "wave9"'],
  ["x*", 'no host matches "x*"; hosts are db, db-2, laptop, web'],
  ["d.*", 'no host matches "d.*"'],
])("%j is refused", (selection, message) => expect(() => selectHosts(selection, hosts)).toThrow(message));

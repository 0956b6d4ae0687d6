/**
 * Calls the rack's API for a resource: `node call.ts METHOD PATH <BODY`, with JSON or nothing on
 * standard input. RACK_URL and RACK_TOKEN are in the environment.
 */
import { text } from "node:stream/consumers";
import { RackApi } from "./client.ts";

const [method = "", path = ""] = process.argv.slice(2);
const body = await text(process.stdin);
await new RackApi(process.env).request(method, path, body === "" ? undefined : JSON.parse(body));

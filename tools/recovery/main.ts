/**
 * recover.ts as a program of its own:
 * `node tools/recovery/main.ts [--search] [pulumi options such as --stack NAME]`.
 */
import { recover } from "./recover.ts";

const words = process.argv.slice(2);
const search = words[0] === "--search";
process.exitCode = await recover({ search, options: search ? words.slice(1) : words });

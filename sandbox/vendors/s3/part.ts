import { join } from "node:path";
import { listenServer } from "../http.ts";
import { faultsOf, type Part, type PartOptions } from "../parts.ts";
import { S3 } from "../refusals.ts";
import { readRights } from "../rights.ts";
import { Backend } from "./backend.ts";
import { s3Filter } from "./filter.ts";
import { Journal } from "./journal.ts";
import { startMoto } from "./moto.ts";
import { nixFront } from "./nix-front.ts";

interface S3Options extends PartOptions {
  venv: string;
  motoPort: number;
  /** The region of the endpoint. */
  region: string;
  /** Port of the Nix cache in front of the buckets, on 127.0.0.1. */
  nixPort: number;
  checksums: "refuse" | "accept";
}

/** Starts moto, replays the journal, and serves both fronts. */
export async function startS3(options: S3Options, port: number): Promise<Part> {
  const dir = join(options.dir, "vendors", "s3");
  const log = options.log("s3");
  const journal = new Journal(dir);
  const moto = await startMoto(dir, join(options.dir, "logs"), options.venv, options.motoPort);
  try {
    const backend = new Backend(options.motoPort, journal);
    for (const refused of await backend.replay()) log(`not restored: ${refused}`);
    const credentials = {
      keyId: options.secrets.AWS_ACCESS_KEY_ID ?? "",
      secret: options.secrets.AWS_SECRET_ACCESS_KEY ?? "",
      region: options.region,
    };
    const { checksums, motoPort } = options;
    const rights = () => readRights(options.dir).s3;
    const server = s3Filter({ backend, journal, motoPort, credentials, checksums, rights, log });
    const listener = await listenServer(faultsOf(options, "s3", S3)(server), options.address, port);
    const front = await listenServer(
      nixFront({ endpoint: listener.url, credentials, log }),
      "127.0.0.1",
      options.nixPort,
    );
    const stop = async () => {
      await front.close();
      await listener.close();
      backend.agent.destroy();
      await moto.child.stop();
      journal.close();
    };
    return { name: "s3", url: listener.url, ended: moto.child.ended, stop };
  } catch (error) {
    await moto.child.stop();
    throw error;
  }
}

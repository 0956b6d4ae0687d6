import { existsSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { join } from "node:path";
import { type Child, startChild, waitReady } from "../children.ts";

interface Moto {
  port: number;
  child: Child;
}

/** Starts moto's S3 on a loopback port and waits until it answers. */
export async function startMoto(dir: string, logDir: string, venv: string, port: number): Promise<Moto> {
  const program = join(venv, "bin", "moto_server");
  if (!existsSync(program))
    throw new Error(`${program} is missing: pip install 'moto[server,s3]' into ${venv}`);
  const child = await startChild({
    argv: [join(venv, "bin", "python"), program, "-H", "127.0.0.1", "-p", String(port)],
    pidFile: join(dir, "moto.pid"),
    logFile: join(logDir, "moto.log"),
    env: { S3_IGNORE_SUBDOMAIN_BUCKETNAME: "true", PYTHONDONTWRITEBYTECODE: "1" },
  });
  try {
    await waitReady(child, "moto_server", 60, () => answers(port));
  } catch (error) {
    await child.stop();
    throw error;
  }
  return { port, child };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = httpRequest(
      { host: "127.0.0.1", port, path: "/moto-api/data.json", timeout: 1000 },
      (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      },
    );
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve(false));
    request.end();
  });
}

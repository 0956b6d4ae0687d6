/** Starts a workflow on GitHub. Source: docs.github.com, REST API 2022-11-28, "Create a workflow dispatch event". */
import * as z from "zod";
import { type RequestOptions, VendorApi } from "../vendor-api.ts";

export interface Workflow {
  /** `owner/name` */
  readonly repository: string;
  /** File in `.github/workflows/`, such as `deploy.yml`. */
  readonly file: string;
  /** Branch whose version of it runs. */
  readonly ref: string;
}

export class GitHubWorkflows extends VendorApi {
  constructor(options: RequestOptions & { endpoint: string; token: string }) {
    const { endpoint, token, ...more } = options;
    super({
      ...more,
      // A second request would start a second run.
      maxAttempts: 1,
      vendor: "GitHub",
      endpoint,
      token: () => token,
      failure: z.object({ message: z.string() }),
      permissionHint: "the token needs actions: write, and nothing else",
    });
  }

  /** @throws VendorError when GitHub does not accept it */
  async start({ repository, file, ref }: Workflow): Promise<void> {
    await this.request("POST", `/repos/${repository}/actions/workflows/${file}/dispatches`, { ref });
  }
}

import type { PreflightAnswer } from "../../../components/provider.ts";
import { messageOf } from "../../../lib/message-of.ts";
import { RackApi, type Slot } from "./client.ts";

/** What the rack holds at the start of a run. */
export interface RackView {
  readonly slots: readonly Slot[];
  readonly api: RackApi;
}

export async function preflight(): Promise<PreflightAnswer> {
  try {
    const api = new RackApi(process.env, { maxAttempts: 2 });
    return { slots: await api.slots(), api } satisfies RackView;
  } catch (error) {
    return { failure: messageOf(error) };
  }
}

import type { CreatedHost, PlannedHost } from "../../inventory/plan.ts";
import { type HetznerProvider, table } from "./table.ts";

export type HetznerHost = CreatedHost & { readonly provider: HetznerProvider };

export const isHetzner = (host: PlannedHost): host is HetznerHost => host.provider.kind === table.kind;

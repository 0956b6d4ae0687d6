/** A resource's name, of its URN. Apart from what needs Pulumi's SDK: the recovery starts without it. */
export const nameOfUrn = (urn: string): string => urn.split("::").at(-1) ?? "";

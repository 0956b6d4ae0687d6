/** A resource's name from its URN. Without Pulumi's SDK, because the recovery runs without it. */
export const nameOfUrn = (urn: string): string => urn.split("::").at(-1) ?? "";

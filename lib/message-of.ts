/** The message of a thrown value, which may have any type. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

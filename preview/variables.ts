/** Environment variable with the file to which the program writes its part of a preview. */
export const PREVIEW_PART_VARIABLE = "PANTHEROS_PREVIEW_PART";

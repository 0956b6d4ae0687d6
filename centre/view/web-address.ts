/** Only these become links; a host could publish `javascript:`. */
export const isWeb = (url: string): boolean => /^https?:\/\//i.test(url);

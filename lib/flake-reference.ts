/** Local flake references (`path:DIRECTORY`), in which Nix decodes percent-encoded bytes and refuses blanks. */

/** Encodes what Nix refuses in a `path:` reference; a `%` stays, because the reference may be encoded already. */
export const encodeReference = (reference: string): string =>
  reference.startsWith("path:")
    ? reference.replace(/[^\w.~/:?#&=%+@,-]/gu, (character) =>
        /[!'()*]/.test(character)
          ? `%${character.charCodeAt(0).toString(16).toUpperCase()}`
          : encodeURIComponent(character),
      )
    : reference;

/** The path of a reference as Nix reads it; one with a malformed escape stays as it is. */
export function decodeReference(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** The reference of a directory, whatever its name is. */
export const pathReference = (directory: string): string =>
  encodeReference(`path:${directory.replace(/[%?#]/g, encodeURIComponent)}`);

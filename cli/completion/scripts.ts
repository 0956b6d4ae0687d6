/**
 * Completion scripts. Each runs the program of the typed command line with `__complete WORD...`;
 * the last word is the one to complete.
 */
import type { Shell } from "./shells.ts";

/** Reads COMP_LINE, because bash splits words at `=` and `:`. */
const BASH = `# bash completion for pantheros
_pantheros() {
  local line=\${COMP_LINE:0:COMP_POINT} words value rest
  read -r -a words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  local current=\${words[-1]} prefix=
  # What bash has split off before the word that it replaces.
  [[ $current == *[=:]* ]] && prefix=\${current%"\${current##*[=:]}"}
  COMPREPLY=()
  while IFS=$'\\t' read -r value rest; do
    COMPREPLY+=("\${value#"$prefix"}")
  done < <("\${words[0]}" __complete "\${words[@]:1}" 2>/dev/null)
  [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == *, ]] && compopt -o nospace
  return 0
}
complete -o default -F _pantheros pantheros
`;

const ZSH = `#compdef pantheros
_pantheros() {
  local -a candidates
  local value description
  while IFS=$'\\t' read -r value description; do
    candidates+=("\${value//:/\\\\:}\${description:+:$description}")
  done < <("\${words[1]}" __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( \${#candidates} )); then _describe -o pantheros candidates; else _files; fi
}
if [ "\${funcstack[1]}" = _pantheros ]; then _pantheros "$@"; else compdef _pantheros pantheros; fi
`;

const FISH = `# fish completion for pantheros
function __pantheros_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l program $words[1]
    set -e words[1]
    $program __complete $words 2>/dev/null
end
complete -c pantheros -f -n 'test (count (__pantheros_complete)) -gt 0' -a '(__pantheros_complete)'
`;

const SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH };

export const completionScript = (shell: Shell): string => SCRIPTS[shell];

#!/bin/sh
# Git's hook before a commit: runs the command that this clone names in `git config pantheros.check`. A repository cannot
# set that itself, so the code of a fetched repository never runs without the person's consent.
set -eu

command=$(git config --get pantheros.check || :)
[ -n "$command" ] || exit 0

# Git sets these for the commit in progress; a check that runs Git in another repository would use them there.
repository=$(git rev-parse --show-toplevel)
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_PREFIX
cd "$repository"

if sh -c "$command"; then
  exit 0
fi
echo "pre-commit: \`$command\` failed, so nothing was committed. Fix what it reports, or commit with --no-verify." >&2
exit 1

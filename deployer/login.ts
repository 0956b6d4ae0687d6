/** Recognises logins that are accepted but do not run the given command, and gives the remedy for each. */

/** The remedy when a login prints text, or starts another program, before the given command. */
export const LOGIN_TEXT_HINT =
  "the login shell of the host's user prints text or starts another program before the command: remove that from /etc/profile, /etc/bash.bashrc, ~/.profile, ~/.bashrc or `programs.bash`, or do it in interactive shells only: case $- in *i*) COMMAND ;; esac; and remove a ForceCommand of sshd or a `command=` in authorized_keys";

const LOGINS: readonly (readonly [RegExp, string])[] = [
  // The messages of pam_unix and of sshd (auth-pam.c).
  [
    /password (has )?expired|password change required|required to change your password/i,
    'the account\'s password has expired, and changing it needs a terminal: log in on the console and set one with `passwd`, or end its expiry with `chage -M -1 -d "$(date +%F)" ACCOUNT`',
  ],
  // The messages of nologin(8).
  [
    /account is (currently )?not available/i,
    "the account's login shell is nologin: set a POSIX shell with `usermod -s /bin/sh ACCOUNT`, or `users.users.ACCOUNT.shell`",
  ],
  // The message of Nix: the first bytes of its protocol were text.
  [/protocol mismatch, got '/, `${LOGIN_TEXT_HINT} (the text is after \`got\`)`],
];

/** The remedy for the output of such a login; undefined for any other output. */
export const loginHint = (output: string): string | undefined =>
  LOGINS.find(([message]) => message.test(output))?.[1];

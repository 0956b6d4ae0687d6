"""Fetches secrets as OpNix does, from the sandbox's 1Password: opnix.py URL TOKEN-FILE TABLE, a table of lines `PATH REFERENCE`.

Without a token it changes nothing and exits with 0. The token's file gets OpNix' mode; values are written in place
(nix/module.nix and internal/secrets/processor.go of opnix 0.11).
"""

import os
import sys
import urllib.error
import urllib.parse
import urllib.request

url, token_file, table = sys.argv[1:]
if not os.path.exists(token_file):
    print(f"WARNING: Token file {token_file} does not exist!", file=sys.stderr)
    sys.exit(0)
os.chown(token_file, 0, 0)
os.chmod(token_file, 0o640)
with open(token_file) as file:
    token = file.read().strip()
failed = False
with open(table) as lines:
    for path, reference in (line.rstrip("\n").split(" ", 1) for line in lines):
        query = urllib.parse.urlencode({"reference": reference})
        request = urllib.request.Request(f"{url}/v1/secret?{query}", headers={"Authorization": f"Bearer {token}"})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                value = answer.read()
        except (urllib.error.URLError, OSError) as error:
            print(f"ERROR: {reference}: {error}", file=sys.stderr)
            failed = True
            continue
        os.makedirs(os.path.dirname(path), mode=0o751, exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o400), "wb") as file:
            file.write(value)
sys.exit(1 if failed else 0)

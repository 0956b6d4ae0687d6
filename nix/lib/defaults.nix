# Table of fleet.toml -> key -> what holds without the key. `make docs` writes the JSON from inventory/schema.ts.
builtins.fromJSON (builtins.readFile ./defaults.json)

# Table of fleet.toml -> key -> its default. `make docs` writes the JSON from inventory/schema.ts.
builtins.fromJSON (builtins.readFile ./defaults.json)

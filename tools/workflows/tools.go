//go:build tools

// Package workflows pins actionlint, which tools/check runs on .github/workflows.
package workflows

import _ "github.com/rhysd/actionlint/cmd/actionlint"

//go:build tools

// Package cli pins the Pulumi CLI that is built when the official download is not reachable.
package cli

import _ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"

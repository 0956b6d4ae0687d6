//go:build tools

// Package cli pins the Pulumi CLI that is built where the official download cannot be had.
package cli

import _ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"

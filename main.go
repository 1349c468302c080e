// Nightjar is a follow-up archive for astronomers in one binary and one file.
package main

import (
	"os"

	"nightjar/internal/cli"
)

func main() { os.Exit(cli.Main()) }

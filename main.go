// Nightjar is a follow-up archive for astronomers in one binary and one file.
package main

import (
	"os"

	"nightjar/cli"
)

func main() { os.Exit(cli.Main()) }

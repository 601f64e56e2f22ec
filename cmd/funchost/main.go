// Command funchost runs durable functions and the scheduler behind them.
package main

import "github.com/funchost/funchost/cmd/funchost/internal/cli"

func main() { cli.Main() }

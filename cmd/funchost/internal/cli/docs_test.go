package cli

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/funchost/funchost/templates"
)

func TestPageOfTheCommandNamesAllThatThereIs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	names := func(word string) bool {
		return regexp.MustCompile("[`, ]" + regexp.QuoteMeta(word) + "[`, \\]]").MatchString(page)
	}
	for _, template := range templates.List() {
		if row := "| `" + template.Name + "` | " + template.Summary; !strings.Contains(page, row) {
			t.Errorf("docs/cli.md has no row %q", row)
		}
	}
	for _, cmd := range rootCommand(surroundings{}).Commands() {
		check(t, cmd, names)
	}
}

// check looks at one command: its help must have an example that begins with the
// command, and the page must name it and its flags.
func check(t *testing.T, cmd *cobra.Command, names func(string) bool) {
	t.Helper()
	if !strings.HasPrefix(cmd.Example, "  "+cmd.CommandPath()) {
		t.Errorf("the example of %s is %q", cmd.CommandPath(), cmd.Example)
	}
	if !names(cmd.Name()) && !names(cmd.CommandPath()) {
		t.Errorf("docs/cli.md does not name %s", cmd.CommandPath())
	}
	for _, flag := range regexp.MustCompile(`--[a-z-]+`).FindAllString(cmd.Flags().FlagUsages(), -1) {
		if !names(flag) && !names(flag+" key=value") {
			t.Errorf("docs/cli.md does not name %s of %s", flag, cmd.CommandPath())
		}
	}
	for _, sub := range cmd.Commands() {
		check(t, sub, names)
	}
}

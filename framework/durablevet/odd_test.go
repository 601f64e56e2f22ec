package durablevet

import (
	"testing"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/checker"
	"golang.org/x/tools/go/packages"
)

// The standard library has every shape of code there is. As if it were a program of
// orchestrators it makes thousands of mistakes; what counts is that they are found in
// peace.
func TestAnyCodeIsLookedAtInPeace(t *testing.T) {
	t.Parallel()
	pkgs, err := packages.Load(&packages.Config{Mode: packages.LoadAllSyntax}, "encoding/json", "iter", "./testdata/odd")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	curious := &analysis.Analyzer{
		Name: "curious", Doc: "looks at all packages as if they were ours", FactTypes: Analyzer.FactTypes,
		Run: func(pass *analysis.Pass) (any, error) {
			if isFramework(pass.Pkg.Path()) {
				return nil, nil
			}
			seen++
			examine(pass, true)
			return nil, nil
		},
	}
	_, err = checker.Analyze([]*analysis.Analyzer{curious}, pkgs, &checker.Options{Sequential: true})
	if err != nil || seen < 50 {
		t.Errorf("%d packages, %v, want 50 at least", seen, err)
	}
}

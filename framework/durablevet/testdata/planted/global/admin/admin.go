// Package admin changes a setting.
package admin

import "github.com/funchost/funchost/framework/durablevet/testdata/planted/global/settings"

// Lower changes it.
func Lower() { settings.Least-- }

// Program changes a setting that an orchestrator of another package reads.
package main // want `readsSetting: variable settings.Least at global/global.go:[0-9]+ .*changed at admin/admin.go`

import (
	_ "github.com/funchost/funchost/framework/durablevet/testdata/planted/global"
	"github.com/funchost/funchost/framework/durablevet/testdata/planted/global/admin"
	"github.com/funchost/funchost/framework/durablevet/testdata/planted/global/settings"
)

func main() {
	settings.Most = 3 // want `readsSetting: variable settings.Most at global/global.go:[0-9]+ .*changed at main.go`
	admin.Lower()
}

package dts_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts"
)

func TestConnectionStringIsRead(t *testing.T) {
	t.Parallel()
	local := dts.ConnectionString{Endpoint: "http://localhost:8080", TaskHub: "default", Authentication: dts.AuthNone}
	for _, tc := range []struct {
		name, in string
		want     dts.ConnectionString
	}{
		{"in its plain form", "Endpoint=http://localhost:8080;TaskHub=default;Authentication=None", local},
		{"with keys and authentication in any case", "ENDPOINT=http://localhost:8080;taskhub=default;authentication=nOnE", local},
		{"with space around everything", " Endpoint = http://localhost:8080 ; TaskHub\t= default ;Authentication = None ", local},
		{"with empty parts", ";;Endpoint=http://localhost:8080;; TaskHub=default; ;Authentication=None;", local},
		{"with quoted values", `Endpoint="http://localhost:8080";TaskHub='default';Authentication = "None" `, local},
		{
			"with quotes and semicolons inside quotes",
			`Endpoint=h;Authentication=None;ClientID="a;""b""";TokenFilePath='it''s'`,
			dts.ConnectionString{Endpoint: "h", Authentication: dts.AuthNone, ClientID: `a;"b"`, TokenFilePath: "it's"},
		},
		{
			"with '=' in a value",
			"Endpoint=h;Authentication=None;ClientID=a=b==",
			dts.ConnectionString{Endpoint: "h", Authentication: dts.AuthNone, ClientID: "a=b=="},
		},
		{
			"with every key",
			"Endpoint=https://a.b.durabletask.io;TaskHub=h;Authentication=workloadidentity;ClientID=c;TenantId=t;AdditionallyAllowedTenants=x, y,,z;TokenFilePath=/var/token",
			dts.ConnectionString{
				Endpoint: "https://a.b.durabletask.io", TaskHub: "h", Authentication: dts.AuthWorkloadIdentity, ClientID: "c", TenantID: "t",
				AdditionallyAllowedTenants: []string{"x", "y", "z"}, TokenFilePath: "/var/token",
			},
		},
		{
			"without a hub, which the caller may have elsewhere",
			"Endpoint=h;Authentication=ManagedIdentity",
			dts.ConnectionString{Endpoint: "h", Authentication: dts.AuthManagedIdentity},
		},
		{
			"with the names of unknown keys and without their values",
			"Endpoint=h;Authentication=None;AccountKey=secret;Timeout=3",
			dts.ConnectionString{Endpoint: "h", Authentication: dts.AuthNone, IgnoredKeys: []string{"AccountKey", "Timeout"}},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := dts.ParseConnectionString(tc.in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("parsed (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEveryAuthenticationIsRead(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"None", "DefaultAzure", "ManagedIdentity", "WorkloadIdentity", "Environment", "AzureCLI", "AzurePowerShell",
		"InteractiveBrowser", "VisualStudio", "VisualStudioCode", "IntelliJ",
	} {
		cs, err := dts.ParseConnectionString("Endpoint=h;Authentication=" + strings.ToUpper(name))
		if err != nil || string(cs.Authentication) != name {
			t.Errorf("Authentication=%s: got %q, %v", name, cs.Authentication, err)
		}
	}
}

func TestWrongConnectionStringSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, in, want string
	}{
		{"empty", "", "Authentication is missing"},
		{"no endpoint", "TaskHub=h;Authentication=None", "Endpoint is missing"},
		{"no authentication", "Endpoint=h;TaskHub=h", "Authentication is missing"},
		{"an unsupported authentication", "Endpoint=h;Authentication=Password", `"Password" is not supported`},
		{"a part without '='", "Endpoint=h;hunter2;Authentication=None", "part 2 has no '='"},
		{"a last part without '='", "Endpoint=h;Authentication=None;hunter2", "part 3 has no '='"},
		{"a part without a key", "Endpoint=h;=hunter2", "part 2 has no key"},
		{"an open quote", `Endpoint=h;ClientID="hunter2`, `ClientID: the value starts with " and has no closing "`},
		{"text after a quote", `Endpoint=h;ClientID='x'hunter2`, "ClientID: text follows the closing '"},
		{"a scheme that nobody speaks", "Endpoint=ftp://h;Authentication=None", `scheme "ftp"`},
		{"a path", "Endpoint=http://h/api;Authentication=None", "more than scheme, host and port"},
		{"two endpoints", "Endpoint=http://a;Authentication=None;endpoint=hunter2", "endpoint stands there twice: remove one of them"},
		{"an unknown key twice", "Endpoint=h;Authentication=None;Key=hunter2;Key=3", "Key stands there twice"},
		{"a password in the endpoint", "Endpoint=http://u:hunter2@h;Authentication=None", "more than scheme, host and port"},
		{"a port out of range", "Endpoint=http://h:70000;Authentication=None", "port 70000"},
		{"port zero", "Endpoint=http://h:0;Authentication=None", "port 0"},
		{"no host", "Endpoint=http://:8080;Authentication=None", "is no URL"},
		{"a hub that no header can carry", "Endpoint=h;Authentication=None;TaskHub=caf\u00e9", "printable ASCII"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := dts.ParseConnectionString(tc.in)
			if !errors.Is(err, dts.ErrInvalid) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want ErrInvalid with %q", err, tc.want)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("error shows a value that could be a secret: %v", err)
			}
		})
	}
}

func FuzzParseConnectionString(f *testing.F) {
	f.Add("Endpoint=http://localhost:8080;TaskHub=default;Authentication=None")
	f.Add(`Endpoint="https://[::1]:443" ; Authentication='ManagedIdentity';ClientID="a;""b""";x=y`)
	f.Add("Endpoint=h;Authentication=None;ClientID= '")
	f.Add("AdditionallyAllowedTenants= a ,\"b\";=;Endpoint")
	f.Fuzz(func(t *testing.T, s string) {
		cs, err := dts.ParseConnectionString(s)
		if err != nil {
			if !errors.Is(err, dts.ErrInvalid) {
				t.Errorf("%q: got %v, want an ErrInvalid", s, err)
			}
			return
		}
		again, err := dts.ParseConnectionString(cs.String())
		if err != nil {
			t.Fatalf("%q became %q, which is refused: %v", s, cs, err)
		}
		cs.IgnoredKeys = nil // String leaves them out
		if diff := cmp.Diff(cs, again); diff != "" {
			t.Errorf("%q became %q, which reads differently (-want +got):\n%s", s, cs, diff)
		}
	})
}

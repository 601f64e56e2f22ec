package durablevet

import (
	"go/types"
	"slices"
	"strings"
)

// rule says what is wrong with names of a package. Methods are written Type.Method,
// Type alone stands for all of its methods.
type rule struct {
	kind   kind
	only   []string // names it is about; none means all functions and methods
	except []string
	wayOut string // if it is another than that of the kind
}

const useNewID = "use ctx.NewID"

// forbidden are the packages whose code is not looked at, or has none that tells:
// the standard library, and well-known modules whose answers differ by design. What
// the table does not name there is allowed.
//
//nolint:goconst // names, some of which several packages have
var forbidden = map[string][]rule{
	"time": {
		{kind: kindClock, only: []string{"Now", "Since", "Until"}},
		{kind: kindWait, only: []string{"Sleep"}, wayOut: "use ctx.Sleep"},
		{kind: kindWait, only: []string{"After", "AfterFunc", "NewTimer", "NewTicker", "Tick"}, wayOut: "use ctx.After"},
		{kind: kindEnvironment, only: []string{"Local", "Time.Local", "LoadLocation"}, wayOut: "convert times in an activity, or use time.UTC"},
	},
	"context": {{kind: kindContext}},

	"math/rand":    {{kind: kindRandom, except: []string{"New", "NewSource", "NewZipf", "Rand", "Zipf", "Source", "Source64"}}},
	"math/rand/v2": {{kind: kindRandom, except: []string{"New", "NewPCG", "NewChaCha8", "NewZipf", "Rand", "Zipf", "PCG", "ChaCha8", "Source"}}},
	"crypto/rand":  {{kind: kindRandom}},
	"hash/maphash": {{kind: kindRandom}},
	"github.com/google/uuid": {{kind: kindRandom, only: []string{
		"New", "NewString", "NewRandom", "NewRandomFromReader", "NewUUID", "NewV6", "NewV7", "NewV7FromReader", "NewDCEPerson", "NewDCEGroup", "NewDCESecurity",
	}, wayOut: useNewID}},
	"github.com/gofrs/uuid":             {{kind: kindRandom, only: []string{"NewV1", "NewV4", "NewV6", "NewV7"}, wayOut: useNewID}},
	"github.com/gofrs/uuid/v5":          {{kind: kindRandom, only: []string{"NewV1", "NewV4", "NewV6", "NewV7"}, wayOut: useNewID}},
	"github.com/satori/go.uuid":         {{kind: kindRandom, only: []string{"NewV1", "NewV2", "NewV4"}, wayOut: useNewID}},
	"github.com/hashicorp/go-uuid":      {{kind: kindRandom, only: []string{"GenerateUUID", "GenerateRandomBytes"}, wayOut: useNewID}},
	"github.com/oklog/ulid/v2":          {{kind: kindRandom, only: []string{"Make", "Now", "DefaultEntropy"}, wayOut: useNewID}},
	"github.com/rs/xid":                 {{kind: kindRandom, only: []string{"New", "NewWithTime"}, wayOut: useNewID}},
	"github.com/segmentio/ksuid":        {{kind: kindRandom, only: []string{"New", "NewRandom", "NewRandomWithTime"}, wayOut: useNewID}},
	"github.com/matoous/go-nanoid/v2":   {{kind: kindRandom, wayOut: useNewID}},
	"github.com/lithammer/shortuuid/v4": {{kind: kindRandom, only: []string{"New", "NewWithAlphabet"}, wayOut: useNewID}},

	"sync": {
		{kind: kindSync, only: []string{
			"Mutex.Lock", "Mutex.TryLock", "RWMutex.Lock", "RWMutex.RLock", "RWMutex.TryLock", "RWMutex.TryRLock", "Locker.Lock",
			"Cond.Wait",
		}},
		{kind: kindSync, only: []string{"WaitGroup.Wait"}, wayOut: "use durable.WaitGroup or durable.All"},
		{kind: kindGoroutine, only: []string{"WaitGroup.Go"}},
		{kind: kindGlobal, only: []string{"Map"}},
	},
	"sync/atomic": {{kind: kindGlobal}},
	"runtime": {{kind: kindGlobal, only: []string{
		"NumCPU", "GOMAXPROCS", "NumGoroutine", "NumCgoCall", "ReadMemStats", "Gosched", "GC", "Stack",
	}, wayOut: "leave it out"}},

	"os": {
		{kind: kindEnvironment, only: []string{
			"Getenv", "LookupEnv", "Environ", "ExpandEnv", "Hostname", "Getpid", "Getppid", "Getuid", "Geteuid", "Getgid", "Getegid",
			"Getgroups", "Getwd", "Executable", "TempDir", "UserHomeDir", "UserCacheDir", "UserConfigDir", "Getpagesize", "Args",
		}},
		{kind: kindLog, only: []string{"Stdout", "Stderr"}},
		{kind: kindIO, only: []string{"Stdin"}},
		{kind: kindIO, except: []string{
			"IsExist", "IsNotExist", "IsPermission", "IsTimeout", "IsPathSeparator", "NewSyscallError", "Expand",
			"FileMode", "FileInfo", "DirEntry", "PathError", "LinkError", "SyscallError", "Signal",
			"File.Close", "File.Name", "File.Fd", "Process.Release", "ProcessState",
		}},
	},
	"os/exec":       {{kind: kindIO, except: []string{"Command", "Error", "ExitError", "Cmd.String"}}},
	"os/signal":     {{kind: kindIO}},
	"os/user":       {{kind: kindEnvironment}},
	"syscall":       {{kind: kindIO, except: []string{"Errno", "Signal"}}},
	"plugin":        {{kind: kindIO}},
	"path/filepath": {{kind: kindIO, only: []string{"Abs", "EvalSymlinks", "Glob", "Walk", "WalkDir"}}},
	"io/ioutil":     {{kind: kindIO, only: []string{"ReadDir", "ReadFile", "TempDir", "TempFile", "WriteFile"}}},
	"net": {{kind: kindIO, except: []string{
		"ParseIP", "ParseCIDR", "ParseMAC", "JoinHostPort", "SplitHostPort", "IPv4", "IPv4Mask", "CIDRMask",
		"IP", "IPMask", "IPNet", "IPAddr", "TCPAddr", "UDPAddr", "UnixAddr", "HardwareAddr", "Addr", "AddrError", "OpError", "DNSError", "ParseError", "Error",
	}}},
	"net/http": {{kind: kindIO, only: []string{
		"Get", "Head", "Post", "PostForm", "Client", "Transport", "RoundTripper", "ListenAndServe", "ListenAndServeTLS", "Serve", "ServeTLS", "Server",
	}}},
	"net/rpc":      {{kind: kindIO}},
	"net/smtp":     {{kind: kindIO}},
	"database/sql": {{kind: kindIO, only: []string{"Open", "OpenDB", "DB", "Tx", "Stmt", "Conn"}}},

	"log": {{kind: kindLog}},
	"log/slog": {{kind: kindLog, only: []string{
		"Debug", "DebugContext", "Info", "InfoContext", "Warn", "WarnContext", "Error", "ErrorContext", "Log", "LogAttrs", "Default",
	}}},
	"log/syslog": {{kind: kindLog}},
	"fmt": {
		{kind: kindLog, only: []string{"Print", "Printf", "Println"}},
		{kind: kindIO, only: []string{"Scan", "Scanf", "Scanln"}},
	},

	"golang.org/x/sync/errgroup": {
		{kind: kindGoroutine, only: []string{"Group.Go", "Group.TryGo"}},
		{kind: kindSync, only: []string{"Group.Wait"}, wayOut: "use durable.WaitGroup or durable.All"},
	},
	"golang.org/x/sync/semaphore":    {{kind: kindSync, only: []string{"Weighted.Acquire", "Weighted.TryAcquire"}}},
	"golang.org/x/sync/singleflight": {{kind: kindSync, only: []string{"Group.Do", "Group.DoChan"}}},
	"golang.org/x/time/rate":         {{kind: kindWait, only: []string{"Limiter.Wait", "Limiter.WaitN", "Limiter.Allow", "Limiter.AllowN", "Limiter.Reserve", "Limiter.ReserveN"}}},

	"golang.org/x/sys/unix":    {{kind: kindIO, except: []string{"Errno"}}},
	"golang.org/x/sys/windows": {{kind: kindIO, except: []string{"Errno"}}},
}

// forbiddenName finds the rule about a package-level name or a method.
func forbiddenName(obj types.Object) (rule, bool) {
	if obj.Pkg() == nil {
		return rule{}, false
	}
	name := obj.Name()
	_, isVar := obj.(*types.Var)
	if f, ok := obj.(*types.Func); ok {
		if recv := receiverName(f); recv != "" {
			name = recv + "." + name
		}
	}
	for _, r := range forbidden[obj.Pkg().Path()] {
		switch {
		case len(r.only) > 0:
			if contains(r.only, name) {
				return r, true
			}
		case isVar && obj.Pkg().Path() != "crypto/rand": // errors and defaults; crypto/rand.Reader is what it says
			continue
		case !contains(r.except, name):
			return r, true
		}
	}
	return rule{}, false
}

// contains reports whether names has a name, or its type.
func contains(names []string, name string) bool {
	typeName, _, _ := strings.Cut(name, ".")
	return slices.Contains(names, name) || slices.Contains(names, typeName)
}

// receiverName is the name of the type that f is a method of.
func receiverName(f *types.Func) string {
	recv := f.Signature().Recv()
	if recv == nil {
		return ""
	}
	t := types.Unalias(recv.Type())
	if p, ok := t.(*types.Pointer); ok {
		t = types.Unalias(p.Elem())
	}
	if n, ok := t.(*types.Named); ok {
		return n.Obj().Name()
	}
	return ""
}

// isStandard reports whether the standard library has a package of the path: its
// paths do not begin with a host name. The first word of a module of one's own may
// look the same, so this is asked only of packages that belong to no module.
func isStandard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".") && path != "command-line-arguments"
}

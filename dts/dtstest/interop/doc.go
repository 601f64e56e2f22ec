// Package interop holds the official SDKs of other languages against our
// scheduler. It has tests only; `make interop` installs the SDKs and runs them.
//
// The tests decide what is done and what must come of it. The programs in
// javascript/, python/ and java/ only do it, each with nothing but its SDK:
//
//	client  reads a call per line of stdin, {"call": "start", "name": …}, and
//	        writes an answer per line of stdout, {"value": …} or {"error": …}
//	worker  runs functions that exist in each language under the same names, the
//	        language in front: javascript-echo, python-echo
//
// Both end when the test closes their stdin, however it ended.
//
// A scenario that needs what an SDK does not have is skipped and says so; the last
// lines of a run count, by SDK, what passed, failed and was left out.
package interop

// Package dtsgrpc holds the generated client and server stubs of the durable
// task services. It stands apart from the messages so that packages that only
// decide, such as the scheduler's engine, link no network code.
package dtsgrpc

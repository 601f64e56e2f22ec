// Package framework assembles an app and runs it in a role.
//
// An [App] is a name, definitions of package durable, and triggers:
//
//	app := framework.New("orders").Add(orders.Functions()...)
//	app.On(triggers.HTTP("POST /orders", orders.Process))
//	framework.Main(app)
//
// [App.Run] starts its parts in a fixed order: the scheduler if it lives in
// this process, the client, the worker, the public listener, and then what
// triggers run by themselves. Only when all of them are ready does /readyz on
// the admin listener say so. A stop goes the other way: the host says that it
// is not ready, triggers stop, requests finish, the worker takes no new items
// and finishes those it has, and the scheduler closes last.
//
// A [Process] is the same machinery for programs that are no apps, such as the
// commands of funchost.
package framework

// Package triggers brings events from outside into an app: requests over HTTP.
//
//	app.On(triggers.HTTP("POST /orders", orders.Process))
//
// A trigger answers when the start is durable, and not before. When the
// scheduler cannot be asked, the answer says so and says when to try again.
package triggers

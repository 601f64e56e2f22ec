// Package triggers brings events from outside into an app: requests over HTTP, the
// moments of a schedule, CloudEvents.
//
//	app.On(triggers.HTTP("POST /orders", orders.Process))
//	app.On(triggers.Cron("0 3 * * *", orders.Stocktake, triggers.TimeZone("Europe/Lisbon")))
//	app.On(triggers.CloudEvents("/events", triggers.Match(orders.TakeDelivery, triggers.Type("delivered"))))
//
// What is delivered twice starts one instance: the event makes the instance id, and
// the finished instance is the memory of it.
//
// A trigger answers when the start is durable, and not before. When the
// scheduler cannot be asked, the answer says so and says when to try again.
package triggers

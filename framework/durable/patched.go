package durable

// Patched lets the code of an orchestrator change under instances that are under way:
//
//	if ctx.Patched("ask-for-address") {
//		address, err = AskAddress.Call(ctx, order)
//	}
//
// It is true for an orchestration that comes here for the first time, and false for
// one that was here before the change was made: that one is led through the old code
// again. The answer for one change is the same for the whole run, so an orchestration
// that loops stays with the old code until it continues as new. The id of a change is
// any text, and used for one change only.
//
// When no orchestration from before the change is left, the call can be taken out,
// with the old code: those that were patched do not miss it. Until then the new code
// must not be taken back.
//
// In the history a patch is an event with the name funchost.patch/id, sent to nobody.
func (c *Context) Patched(id string) bool { return c.w.Patched(id) }

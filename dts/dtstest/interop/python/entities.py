"""Entities of the worker, and orchestrators that use entities of any language."""

from datetime import timedelta

from durabletask.entities import DurableEntity, EntityInstanceId

from hub import Refused, hold


class Counter(DurableEntity):
    def add(self, n):
        total = self.get_state(int, 0) + n
        self.set_state(total)
        return total

    def get(self):
        return self.get_state(int, 0)

    def refuse(self, why):
        """Fail after having done what must leave no trace."""
        self.add(1000)
        self.give({"entity": self.entity_context.entity_id.entity, "key": "trace", "amount": 1})
        raise Refused(why)

    def give(self, to):
        self.signal_entity(EntityInstanceId(to["entity"], to["key"]), "add", to["amount"])

    def begin(self, what):
        return self.schedule_new_orchestration(what["orchestrator"], what["input"], what["id"])

    def hold(self):
        return hold("entity")


def ask(ctx, to):
    return (yield ctx.call_entity(EntityInstanceId(to["entity"], to["key"]), to["operation"], to.get("input")))


def visit(ctx, to):
    counter = EntityInstanceId(to["entity"], to["key"])
    ctx.signal_entity(counter, "add", 2)
    return (yield ctx.call_entity(counter, "add", 3))


def remind(ctx, what):
    in_a_second = ctx.current_utc_datetime + timedelta(seconds=1)
    ctx.signal_entity(EntityInstanceId(what["entity"], what["key"]), "add", what["amount"], in_a_second)
    return True


def transfer(ctx, what):
    a, b = (EntityInstanceId(what["entity"], what[end]) for end in ("from", "to"))
    with (yield ctx.lock_entities([a, b])):
        left = yield ctx.call_entity(a, "add", -what["amount"])
        got = yield ctx.call_entity(b, "add", what["amount"])
    return [left, got]


def guard(ctx, what):
    with (yield ctx.lock_entities([EntityInstanceId(what["entity"], key) for key in what["keys"]])):
        ctx.set_custom_status({"waits": "decision"})
        return (yield ctx.wait_for_external_event("decision"))


entities = {"counter": Counter}
orchestrators = {fn.__name__: fn for fn in (ask, visit, remind, transfer, guard)}

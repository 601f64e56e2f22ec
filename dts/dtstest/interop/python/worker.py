"""A worker of the official Python SDK. Flags after address and hub: "filters" asks
for work with registered names only, "strict" takes orchestrations of version 1.0
only, "release" lets go of what the other workers hold for ever."""

import collections
import sys
from datetime import timedelta

from durabletask import task
from durabletask.worker import VersionFailureStrategy, VersioningOptions, VersionMatchStrategy

import entities
import hub
from hub import Refused, hold, mine

attempts = collections.Counter()  # calls of flaky by instance


def greet(_ctx, name):
    return f"Hello, {name}, from python"


def refuse(_ctx, why):
    raise Refused(why)


def flaky(ctx, failures):
    """Fail as often as told, then say how often this was called."""
    attempts[ctx.orchestration_id] += 1
    n = attempts[ctx.orchestration_id]
    if n <= failures:
        raise Refused(f"attempt {n}")
    return n


def echo_activity(_ctx, value):
    return value


def hold_activity(_ctx, _input):
    return hold("activity")


def swell(_ctx, length):
    return "x" * length


def turtle(_ctx, text):
    return text + " 🐢"


activities = {
    "swell": swell,
    "żółw": turtle,
    "greet": greet,
    "refuse": refuse,
    "flaky": flaky,
    "echo": echo_activity,
    "hold": hold_activity,
}


patience = task.RetryPolicy(max_number_of_attempts=3, first_retry_interval=timedelta(milliseconds=50))
orchestrators = {}


def orchestrator(name):
    def add(fn):
        orchestrators[name] = fn
        return fn

    return add


@orchestrator("echo")
def echo(ctx, value):
    return (yield ctx.call_activity(mine("echo"), input=value))


@orchestrator("sequence")
def sequence(ctx, names):
    greetings = []
    for name in names:
        greetings.append((yield ctx.call_activity(mine("greet"), input=name)))
    return greetings


@orchestrator("fanout")
def fanout(ctx, names):
    return (yield task.when_all([ctx.call_activity(mine("greet"), input=name) for name in names]))


@orchestrator("nap")
def nap(ctx, seconds):
    began = ctx.current_utc_datetime
    yield ctx.create_timer(timedelta(seconds=seconds))
    return ctx.current_utc_datetime - began >= timedelta(seconds=seconds)


@orchestrator("swell")
def swell_by_activity(ctx, length):
    return (yield ctx.call_activity(mine("swell"), input=length))


@orchestrator("spin")
def spin(ctx, left):
    if left > 0:
        ctx.continue_as_new(left - 1)
        return None
    return "done"


@orchestrator("approval")
def approval(ctx, seconds):
    ctx.set_custom_status({"waits": "decision"})
    decision = ctx.wait_for_external_event("decision")
    late = ctx.create_timer(timedelta(seconds=seconds))
    first = yield task.when_any([decision, late])
    if first == late:
        return "too late"
    ctx.set_custom_status({"waits": None})
    return decision.get_result()


@orchestrator("gather")
def gather(ctx, count):
    items = []
    while len(items) < count:
        items.append((yield ctx.wait_for_external_event("item")))
    return items


@orchestrator("survey")
def survey(ctx, count):
    """Take turns after a long history: one that greets, one that is told to end."""
    length = 0
    for _ in range(count):
        length += len((yield ctx.wait_for_external_event("item")))
    yield ctx.call_activity(mine("greet"), input="all")
    ctx.set_custom_status({"waits": "end"})
    yield ctx.wait_for_external_event("end")
    return length


@orchestrator("żółw")
def turtle_by_activity(ctx, _input):
    said = yield ctx.wait_for_external_event("ćma")
    return (yield ctx.call_activity(mine("żółw"), input=said))


@orchestrator("family")
def family(ctx, groups):
    return (yield task.when_all([ctx.call_sub_orchestrator(mine("sequence"), input=names) for names in groups]))


@orchestrator("retry")
def retry(ctx, failures):
    return (yield ctx.call_activity(mine("flaky"), input=failures, retry_policy=patience))


@orchestrator("retryChild")
def retry_child(ctx, why):
    return (yield ctx.call_sub_orchestrator(mine("fail"), input=why, retry_policy=patience))


@orchestrator("mend")
def mend(ctx, failures):
    greeting = yield ctx.call_activity(mine("greet"), input="Ana")
    return [greeting, (yield ctx.call_activity(mine("flaky"), input=failures))]


@orchestrator("mendChild")
def mend_child(ctx, failures):
    return (yield ctx.call_sub_orchestrator(mine("mend"), input=failures))


@orchestrator("countdown")
def countdown(ctx, n):
    item = yield ctx.wait_for_external_event("item")
    if n > 1:
        ctx.continue_as_new(n - 1, save_events=True)
        return None
    return item


@orchestrator("fail")
def fail(_ctx, why):
    raise Refused(why)


@orchestrator("failActivity")
def fail_activity(ctx, why):
    yield ctx.call_activity(mine("refuse"), input=why)


@orchestrator("failChild")
def fail_child(ctx, why):
    yield ctx.call_sub_orchestrator(mine("fail"), input=why)


@orchestrator("catch")
def catch(ctx, why):
    try:
        yield ctx.call_activity(mine("refuse"), input=why)
    except task.TaskFailedError as e:
        return str(e)


@orchestrator("forever")
def forever(ctx, _input):
    yield ctx.wait_for_external_event("never")


@orchestrator("keeper")
def keeper(ctx, child_id):
    yield ctx.call_sub_orchestrator(mine("forever"), instance_id=child_id)


@orchestrator("tell")
def tell(ctx, to):
    ctx.send_event(to["id"], "item", data=to["item"])


@orchestrator("version")
def version(ctx, _input):
    return ctx.version


@orchestrator("versionChild")
def version_child(ctx, _input):
    return [ctx.version, (yield ctx.call_sub_orchestrator(mine("version"), version="2.0"))]


@orchestrator("chain")
def chain(ctx, name):
    greeting = yield ctx.call_activity(mine("greet"), input=name)
    yield ctx.create_timer(timedelta(milliseconds=100))
    yield ctx.call_sub_orchestrator(mine("echo"), input=greeting)
    return greeting


# Work for functions of other languages.
@orchestrator("call")
def call(ctx, to):
    return (yield ctx.call_activity(to["activity"], input=to["input"]))


@orchestrator("delegate")
def delegate(ctx, to):
    return (yield ctx.call_sub_orchestrator(to["orchestrator"], input=to["input"]))


@orchestrator("holdActivity")
def hold_in_activity(ctx, _input):
    return (yield ctx.call_activity(mine("hold")))


@orchestrator("holdTurn")
def hold_in_turn(_ctx, _input):
    return hold("turn")


worker = hub.worker()
# The public add_activity and add_orchestrator take the name from the function.
for name, fn in activities.items():
    fn.__name__ = mine(name)
    worker.add_activity(fn)
for name, fn in (orchestrators | entities.orchestrators).items():
    fn.__name__ = mine(name)
    worker.add_orchestrator(fn)
for name, fn in entities.entities.items():
    worker.add_entity(fn, mine(name))
if "strict" in hub.flags:
    worker.use_versioning(
        VersioningOptions(
            version="1.0",
            match_strategy=VersionMatchStrategy.STRICT,
            failure_strategy=VersionFailureStrategy.REJECT,
        )
    )
if "filters" in hub.flags:
    worker.use_work_item_filters()
worker.start()
sys.stdin.read()  # ends when the driver does
hub.end()

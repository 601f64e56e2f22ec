package funchost.interop;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.IntNode;
import com.fasterxml.jackson.databind.node.TextNode;
import com.microsoft.durabletask.DurableTaskGrpcWorkerBuilder;
import com.microsoft.durabletask.TaskActivity;
import com.microsoft.durabletask.TaskActivityFactory;
import com.microsoft.durabletask.TaskOrchestration;
import com.microsoft.durabletask.TaskOrchestrationFactory;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;

/**
 * A worker of the official Java SDK. The one flag after address and hub, "release", lets go of what the other workers
 * hold for ever: this SDK has neither filters nor versions.
 */
final class Worker {
    private static final Map<String, Integer> ATTEMPTS = new HashMap<>(); // calls of flaky by instance

    private Worker() {}

    public static void main(String[] args) throws IOException {
        Hub hub = new Hub(args);
        DurableTaskGrpcWorkerBuilder worker = new DurableTaskGrpcWorkerBuilder().grpcChannel(hub.channel());
        activities(hub).forEach((name, activity) -> worker.addActivity(new NamedActivity(mine(name), activity)));
        Orchestrators.all(hub).forEach((name, fn) -> worker.addOrchestration(new NamedOrchestration(mine(name), fn)));
        worker.build().start();
        Hub.serve(line -> {});
    }

    static String mine(String name) {
        return "java-" + name;
    }

    /** A function from JSON to JSON; null stands for no payload. */
    interface Function {
        JsonNode apply(JsonNode input);
    }

    private static Map<String, Function> activities(Hub hub) {
        return Map.of(
                "greet", name -> TextNode.valueOf("Hello, " + name.textValue() + ", from java"),
                "refuse", why -> {
                    throw new Refused(why.textValue());
                },
                "flaky", Worker::flaky,
                "echo", input -> input,
                "swell", length -> TextNode.valueOf("x".repeat(length.intValue())),
                "żółw", input -> TextNode.valueOf(input.textValue() + " 🐢"),
                "hold", input -> TextNode.valueOf(hub.hold("activity")));
    }

    /**
     * Fails as often as it is told, then says how often it was called. This SDK does not tell an activity for which
     * instance it works, so the orchestrators say it.
     */
    private static JsonNode flaky(JsonNode input) {
        int n = ATTEMPTS.merge(input.get("id").textValue(), 1, Integer::sum);
        if (n <= input.get("failures").intValue()) {
            throw new Refused("attempt " + n);
        }
        return IntNode.valueOf(n);
    }

    private static final class NamedActivity implements TaskActivityFactory {
        private final String name;
        private final Function activity;

        NamedActivity(String name, Function activity) {
            this.name = name;
            this.activity = activity;
        }

        @Override
        public String getName() {
            return name;
        }

        @Override
        public TaskActivity create() {
            return ctx -> activity.apply(ctx.getInput(JsonNode.class));
        }
    }

    private static final class NamedOrchestration implements TaskOrchestrationFactory {
        private final String name;
        private final TaskOrchestration orchestration;

        NamedOrchestration(String name, TaskOrchestration orchestration) {
            this.name = name;
            this.orchestration = orchestration;
        }

        @Override
        public String getName() {
            return name;
        }

        @Override
        public TaskOrchestration create() {
            return orchestration;
        }
    }
}

package funchost.interop;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.stub.MetadataUtils;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CountDownLatch;

/** What both programs share: arguments, connection, lines for the driver. */
final class Hub {
    static final ObjectMapper JSON = new ObjectMapper();

    private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

    private final String address;
    private final String name;
    private final List<String> flags;

    /** The first two arguments are the scheduler's address and the hub. */
    Hub(String[] args) {
        address = args[0];
        name = args[1];
        flags = List.of(args).subList(2, args.length);
    }

    /**
     * Connects. An empty hub sends no header, as this SDK does by itself. Otherwise the header is what the package
     * for Azure adds, which is not in the registry.
     */
    Channel channel() {
        Channel channel = ManagedChannelBuilder.forTarget(address).usePlaintext().build();
        if (name.isEmpty()) {
            return channel;
        }
        Metadata headers = new Metadata();
        headers.put(Metadata.Key.of("taskhub", Metadata.ASCII_STRING_MARSHALLER), name);
        return ClientInterceptors.intercept(channel, MetadataUtils.newAttachHeadersInterceptor(headers));
    }

    /** Keeps what it is called in busy for ever, or returns at once in a worker that lets go. */
    String hold(String what) {
        if (flags.contains("release")) {
            return "released";
        }
        report(JSON.createObjectNode().put("holding", what));
        try {
            new CountDownLatch(1).await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return "interrupted";
    }

    /** Writes one line for the driver. */
    static void report(ObjectNode value) {
        synchronized (OUT) {
            OUT.println(value);
        }
    }

    /** What is done with a line of the driver. */
    interface LineReader {
        void read(JsonNode line);
    }

    /** Reads the driver's lines until it closes its end, however that ended, then ends at once. */
    static void serve(LineReader reader) throws IOException {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            reader.read(JSON.readTree(line));
        }
        Runtime.getRuntime().halt(0);
    }
}

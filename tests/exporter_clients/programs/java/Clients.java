import com.timgroup.statsd.Event;
import com.timgroup.statsd.NonBlockingStatsDClientBuilder;
import com.timgroup.statsd.ServiceCheck;
import com.timgroup.statsd.StatsDClient;
import io.micrometer.core.instrument.Clock;
import io.micrometer.core.instrument.Tags;
import io.micrometer.statsd.StatsdConfig;
import io.micrometer.statsd.StatsdFlavor;
import io.micrometer.statsd.StatsdMeterRegistry;
import java.time.Duration;
import java.util.Scanner;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;

/** Sends the work on stdin (see workload.py) with a client of Java: NAME MODE ADDRESS. */
public class Clients {
    public static void main(String[] arguments) throws Exception {
        Scanner work = new Scanner(System.in);
        double[] milliseconds = numbers(work.nextLine());
        int hits = Integer.parseInt(work.nextLine());
        int misses = Integer.parseInt(work.nextLine());
        String[] errors = work.nextLine().split(" ");
        double[] queue = numbers(work.nextLine());
        String host = arguments[2].split(":")[0];
        int port = Integer.parseInt(arguments[2].split(":")[1]);
        if (arguments[0].equals("java-dogstatsd-client")) {
            dogstatsd(arguments[1], host, port, milliseconds, hits, misses, errors, queue);
        } else {
            micrometer(arguments[1], host, port, milliseconds, hits, misses, errors, queue);
        }
        System.exit(0);
    }

    private static double[] numbers(String line) {
        return Stream.of(line.split(" ")).mapToDouble(Double::parseDouble).toArray();
    }

    private static void dogstatsd(
            String mode, String host, int port, double[] milliseconds, int hits, int misses,
            String[] errors, double[] queue) {
        StatsDClient client = new NonBlockingStatsDClientBuilder()
                .hostname(host).port(port).queueSize(100000).constantTags("env:prod", "zone:b")
                .enableAggregation(mode.equals("aggregated")).blocking(true)
                .errorHandler(error -> { error.printStackTrace(); System.exit(1); }).build();
        for (double ms : milliseconds) {
            client.recordExecutionTime("features.time", (long) ms);
        }
        for (int i = 0; i < hits; i++) client.increment("features.cache.hit");
        for (int i = 0; i < misses; i++) client.increment("features.cache.miss");
        for (String kind : errors) client.increment("features.errors." + kind);
        for (double depth : queue) client.gauge("features.queue", depth);
        client.recordSetValue("other.users", "u17");
        client.decrement("other.level");
        client.histogram("other.size", 3);
        client.distribution("other.size", 3);
        client.recordEvent(Event.builder().withTitle("title").withText("text").build());
        client.recordServiceCheckRun(ServiceCheck.builder()
                .withName("check").withStatus(ServiceCheck.Status.WARNING).build());
        client.close();
    }

    /** Its other styles of tags tell errors apart by one; ETSY's has none but in the name. */
    private static void micrometer(
            String mode, String host, int port, double[] milliseconds, int hits, int misses,
            String[] errors, double[] queue) throws Exception {
        StatsdConfig config = new StatsdConfig() {
            @Override public String get(String key) { return null; }
            @Override public StatsdFlavor flavor() { return StatsdFlavor.valueOf(mode); }
            @Override public String host() { return host; }
            @Override public int port() { return port; }
            @Override public Duration pollingFrequency() { return Duration.ofMillis(100); }
        };
        StatsdMeterRegistry registry = new StatsdMeterRegistry(config, Clock.SYSTEM);
        // It throws away what is recorded before it has connected, and does not tell when it has.
        Thread.sleep(3000);
        Tags tags = mode.equals("ETSY") ? Tags.empty() : Tags.of("env", "prod");
        for (double ms : milliseconds) {
            registry.timer("features.time", tags).record((long) (ms * 1e6), TimeUnit.NANOSECONDS);
        }
        registry.counter("features.cache.hit", tags).increment(hits);
        registry.counter("features.cache.miss", tags).increment(misses);
        for (String kind : errors) {
            if (mode.equals("ETSY")) {
                registry.counter("features.errors." + kind).increment();
            } else {
                registry.counter("features.errors", tags.and("error", kind)).increment();
            }
        }
        AtomicReference<Double> depth = new AtomicReference<>(queue[0]);
        registry.gauge("features.queue", tags, depth, AtomicReference::get);
        depth.set(queue[queue.length - 1]);
        registry.summary("other.size", tags).record(3);
        registry.timer("other.time", tags).record(3, TimeUnit.SECONDS);
        Thread.sleep(1000);  // a gauge is told by its polls alone
        registry.close();
        Thread.sleep(500);
    }
}

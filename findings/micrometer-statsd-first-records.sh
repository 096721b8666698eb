#!/bin/sh
# micrometer's statsd registry throws away what is recorded in the first moments after it was made: its
# connection is made in the background, and what comes before is neither kept nor told. 200 durations at
# once, over UDP of loopback to a server that reads everything; the same 200 two seconds later all come.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > pom.xml <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>finding</groupId><artifactId>finding</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>io.micrometer</groupId><artifactId>micrometer-registry-statsd</artifactId>
      <version>1.17.2</version>
    </dependency>
  </dependencies>
</project>
XML
cat > Finding.java <<'JAVA'
import io.micrometer.core.instrument.Clock;
import io.micrometer.statsd.StatsdConfig;
import io.micrometer.statsd.StatsdMeterRegistry;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

public class Finding {
    static int arrived(DatagramSocket server, String name) throws Exception {
        int found = 0;
        byte[] buffer = new byte[65536];
        while (true) {
            DatagramPacket packet = new DatagramPacket(buffer, buffer.length);
            try {
                server.receive(packet);
            } catch (SocketTimeoutException none) {
                return found;
            }
            String text = new String(buffer, 0, packet.getLength(), StandardCharsets.UTF_8);
            found += text.split(name + ":", -1).length - 1;
        }
    }

    public static void main(String[] arguments) throws Exception {
        DatagramSocket server = new DatagramSocket(0, InetAddress.getByName("127.0.0.1"));
        server.setSoTimeout(2000);
        StatsdMeterRegistry registry = new StatsdMeterRegistry(new StatsdConfig() {
            @Override public String get(String key) { return null; }
            @Override public String host() { return "127.0.0.1"; }
            @Override public Duration pollingFrequency() { return Duration.ofMillis(100); }
            @Override public int port() { return server.getLocalPort(); }
        }, Clock.SYSTEM);
        for (int i = 0; i < 200; i++) registry.timer("first").record(Duration.ofMillis(5));
        int first = arrived(server, "first");
        for (int i = 0; i < 200; i++) registry.timer("later").record(Duration.ofMillis(5));
        int later = arrived(server, "later");
        System.out.println("micrometer-registry-statsd 1.17.2: of 200 durations arrive " + first
                + " when they are recorded at once, " + later + " when they are recorded seconds later");
        System.exit(first < 200 && later == 200 ? 0 : 1);
    }
}
JAVA
mvn --quiet --batch-mode dependency:copy-dependencies -DoutputDirectory=lib
java -cp 'lib/*' Finding.java 2>/dev/null

package io.pariskv.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.SocketImpl;
import java.net.URI;
import java.net.UnknownHostException;
import java.net.spi.InetAddressResolver;
import java.net.spi.InetAddressResolver.LookupPolicy;
import java.net.spi.InetAddressResolverProvider;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Loading and encoding open no connection. A second JVM, in which every socket, proxy look-up and name
 * look-up is recorded and fails, uses a tokenizer; then it does what must be detected, among it DJL's
 * own report of its use, which would go to 169.254.169.254.
 */
class NoConnectionTest {

  @Test
  void tokenizer_triesNoConnection_andTheDetectorWouldSeeOne(@TempDir Path directory)
      throws IOException, InterruptedException {
    Path services = Files.createDirectories(directory.resolve("META-INF/services"));
    Files.writeString(services.resolve(InetAddressResolverProvider.class.getName()),
        RefusingResolver.class.getName());
    Path output = directory.resolve("output.txt");
    List<String> command = new ArrayList<>(
        List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--enable-native-access=ALL-UNNAMED", "-cp",
            directory + File.pathSeparator + System.getProperty("java.class.path"),
            Child.class.getName(),
            Fixtures.RECALL.toString()));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true)
        .redirectOutput(output.toFile());
    // What a user may have set must not matter.
    builder.environment().keySet()
        .removeIf(name -> name.startsWith("DJL") || name.startsWith("OPT_OUT")
            || name.startsWith("RUST"));
    builder.environment().put("DJL_OFFLINE", "false");
    // The library is unpacked where the tests around have it already.
    builder.environment().put("ENGINE_CACHE_DIR", ai.djl.util.Utils.getEngineCacheDir().toString());
    int exit = builder.start().waitFor();
    String text = Files.readString(output);
    assertEquals(0, exit, text);
    Map<String, List<String>> lines = text.lines().filter(line -> line.contains("=>"))
        .collect(java.util.stream.Collectors.toMap(line -> line.split("=>")[0],
            line -> Stream.of(line.split("=>", 2)[1].split(";")).filter(s -> !s.isEmpty())
                .toList()));
    assertEquals(List.of(), lines.get("tokenizer"), text);
    for (String control : List.of("url", "socket", "name", "djl")) {
      assertTrue(lines.containsKey(control) && !lines.getOrDefault(control, List.of()).isEmpty(),
          control + " was not detected: " + text);
    }
  }

  /** The other JVM. */
  static final class Child {
    private static final Queue<String> SEEN = new ConcurrentLinkedQueue<>();

    private Child() {
    }

    // Deprecated, but nothing else sees each socket, literal addresses included.
    @SuppressWarnings("deprecation")
    public static void main(String[] args) throws IOException {
      Socket.setSocketImplFactory(RefusingSocket::new);
      ProxySelector.setDefault(new RecordingProxySelector());
      Path file = Path.of(args[0]);
      attempt("tokenizer", () -> {
        try (Tokenizer tokenizer = Tokenizer.load(file)) {
          int[] ids = tokenizer.encode("hello <|im_end|>");
          tokenizer.encodePlain(tokenizer.decode(ids, false));
        }
      });
      attempt("url",
          () -> URI.create("http://169.254.169.254/x").toURL().openConnection().connect());
      attempt("socket", () -> new Socket("169.254.169.254", 80).close());
      attempt("name", () -> InetAddress.getAllByName("example.invalid"));
      attempt("djl", () -> HuggingFaceTokenizer.newInstance(file).close());
      System.exit(0);
    }

    private interface Action {
      void run() throws IOException, InterruptedException;
    }

    private static void attempt(String name, Action action) {
      String outcome = "";
      try {
        action.run();
      } catch (IOException | InterruptedException e) {
        outcome = " (" + e + ")";
      }
      System.out.println("outcome of " + name + outcome);
      System.out.println(name + "=>" + String.join(";", SEEN));
      SEEN.clear();
    }
  }

  private static final class RecordingProxySelector extends ProxySelector {
    @Override
    public List<Proxy> select(URI uri) {
      Child.SEEN.add("proxy for " + uri);
      return List.of(Proxy.NO_PROXY);
    }

    @Override
    public void connectFailed(URI uri, SocketAddress address, IOException e) {
      Child.SEEN.add("failed " + uri);
    }
  }

  /** Fails each look-up of a name. */
  public static final class RefusingResolver extends InetAddressResolverProvider
      implements
        InetAddressResolver {
    @Override
    public InetAddressResolver get(Configuration configuration) {
      return this;
    }

    @Override
    public String name() {
      return "refusing";
    }

    @Override
    public Stream<InetAddress> lookupByName(String host, LookupPolicy policy)
        throws UnknownHostException {
      Child.SEEN.add("name " + host);
      throw new UnknownHostException(host);
    }

    @Override
    public String lookupByAddress(byte[] address) throws UnknownHostException {
      Child.SEEN.add("address");
      throw new UnknownHostException(new String(address, StandardCharsets.ISO_8859_1));
    }
  }

  /** A socket that does not connect. */
  private static final class RefusingSocket extends SocketImpl {
    RefusingSocket() {
      Child.SEEN.add("socket");
    }

    @Override
    protected void create(boolean stream) {
      Child.SEEN.add("create");
    }

    @Override
    protected void connect(String host, int port) throws IOException {
      throw refuse(host);
    }

    @Override
    protected void connect(InetAddress address, int port) throws IOException {
      throw refuse(address.toString());
    }

    @Override
    protected void connect(SocketAddress address, int timeout) throws IOException {
      throw refuse(address instanceof InetSocketAddress inet ? inet.toString() : "?");
    }

    private static IOException refuse(String address) {
      Child.SEEN.add("connect " + address);
      return new IOException("refused by the test: " + address);
    }

    @Override
    protected void bind(InetAddress host, int port) {
    }

    @Override
    protected void listen(int backlog) {
    }

    @Override
    protected void accept(SocketImpl s) throws IOException {
      throw new IOException("not a server");
    }

    @Override
    protected InputStream getInputStream() {
      return InputStream.nullInputStream();
    }

    @Override
    protected OutputStream getOutputStream() {
      return OutputStream.nullOutputStream();
    }

    @Override
    protected int available() {
      return 0;
    }

    @Override
    protected void close() {
    }

    @Override
    protected void sendUrgentData(int data) {
    }

    @Override
    public void setOption(int id, Object value) {
    }

    @Override
    public Object getOption(int id) {
      throw new UncheckedIOException(new IOException("no options"));
    }
  }
}

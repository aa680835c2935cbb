package io.pariskv.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.error.InputException;
import io.pariskv.server.http.RequestLog;
import io.pariskv.server.http.Tls;
import io.pariskv.server.testing.FakeEngine;
import io.pariskv.server.testing.TestServer;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.List;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The same over HTTPS. */
@Timeout(60)
class TlsTest {
  private static final String PASSWORD = "password";

  @TempDir
  Path directory;

  /** A certificate for this machine, signed by itself. */
  private Path keystore() throws Exception {
    Path file = directory.resolve("server.p12");
    Process keytool = new ProcessBuilder(
        Path.of(System.getProperty("java.home"), "bin", "keytool").toString(), "-genkeypair",
        "-alias", "server", "-keyalg", "EC", "-dname", "CN=localhost", "-ext", "san=ip:127.0.0.1",
        "-validity", "30", "-storetype", "PKCS12", "-keystore", file.toString(), "-storepass",
        PASSWORD).redirectErrorStream(true).start();
    String said = new String(keytool.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, keytool.waitFor(), said);
    return file;
  }

  private Path password(String text) throws Exception {
    return Files.writeString(directory.resolve("password.txt"), text + "\n");
  }

  @Test
  void answers_comeOverHttps() throws Exception {
    Path keystore = keystore();
    SSLContext context = Tls.read(keystore, password(PASSWORD));
    try (FakeEngine engine = FakeEngine.answering("a", "b");
        ParisKvServer server = ParisKvServer.start(ServerSettings.local().withTls(context),
            List.of(TestServer.model("fake", engine)), RequestLog.NONE);
        HttpClient client = HttpClient.newBuilder().sslContext(trusting(keystore)).build()) {
      assertEquals("https", server.url().getScheme());
      HttpResponse<String> reply = client.send(
          HttpRequest.newBuilder(server.url().resolve("/v1/chat/completions"))
              .header("Content-Type", "application/json")
              .POST(HttpRequest.BodyPublishers.ofString(TestServer.chat("\"stream\":true")))
              .build(),
          HttpResponse.BodyHandlers.ofString());
      assertEquals(200, reply.statusCode());
      assertTrue(reply.body().endsWith("data: [DONE]\n\n"), reply::body);
    }
  }

  private static SSLContext trusting(Path keystore) throws Exception {
    TrustManagerFactory trust = TrustManagerFactory
        .getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(KeyStore.getInstance(keystore.toFile(), PASSWORD.toCharArray()));
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    return context;
  }

  @Test
  void keystoreThatCannotBeUsed_isRefused() throws Exception {
    Path keystore = keystore();
    for (Path file : List.of(keystore, directory.resolve("none"), password("x"))) {
      assertThrows(InputException.class, () -> Tls.read(file, password("wrong")));
    }
  }
}

package io.pariskv.server.http;

import io.pariskv.error.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

/** Certificates for HTTPS. */
public final class Tls {
  private Tls() {
  }

  /**
   * Reads a certificate and its private key.
   *
   * @param keystore a file as {@code keytool} or {@code openssl pkcs12} writes it
   * @param passwordFile whose first line is the password of the keystore and of the key
   * @throws InputException if they cannot be used
   */
  public static SSLContext read(Path keystore, Path passwordFile) {
    try {
      char[] password = Files.readString(passwordFile).lines().findFirst().orElse("").toCharArray();
      KeyStore keys = KeyStore.getInstance(keystore.toFile(), password);
      KeyManagerFactory managers = KeyManagerFactory
          .getInstance(KeyManagerFactory.getDefaultAlgorithm());
      managers.init(keys, password);
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(managers.getKeyManagers(), null, null);
      return context;
    } catch (IOException | GeneralSecurityException | IllegalArgumentException e) { // the last for no file
      throw new InputException(keystore + " cannot be used as a keystore with the password of "
          + passwordFile + " (" + e.getMessage() + ")", e);
    }
  }
}

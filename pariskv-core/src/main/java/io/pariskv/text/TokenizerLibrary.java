package io.pariskv.text;

import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import ai.djl.util.Utils;
import io.pariskv.error.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.net.URLConnection;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Locale;
import java.util.Properties;

/**
 * The native library of DJL's tokenizers: unpacked once from its jar, and loaded.
 *
 * <p>DJL would do it too, but not only that: it looks for a GPU first, may download another flavour of the library, and
 * keeps one for use beside a GPU in the folder whose presence tells it that the plain one is there, so that a process
 * from which the GPU is hidden finds none.
 */
final class TokenizerLibrary {
  private static final String ROOT = "/native/lib/";

  private static boolean loaded;

  private TokenizerLibrary() {
  }

  /**
   * Unpacks and loads it, unless that was done.
   *
   * @throws InputException if there is none for this platform, or it cannot be unpacked or loaded
   */
  static synchronized void require() {
    if (!loaded) {
      load();
      loaded = true;
    }
  }

  private static void load() {
    String platform = platform(System.getProperty("os.name"), System.getProperty("os.arch"));
    Path folder = Utils.getEngineCacheDir("tokenizers").resolve("pariskv").resolve(
        version() + "-" + platform);
    for (String name : names(platform)) {
      URL packed = resource(platform, name);
      Path file = folder.resolve(name);
      try {
        unpack(packed, file);
      } catch (IOException e) {
        throw new InputException(
            "cannot create " + file + ", to which the native tokenizer library "
                + "is unpacked (" + e + "); set DJL_CACHE_DIR to a directory that is writable",
            e);
      }
      try {
        System.load(file.toAbsolutePath().toString());
      } catch (UnsatisfiedLinkError e) {
        throw new InputException("the native tokenizer library cannot be loaded (" + e.getMessage()
            + "); it needs libstdc++, and its directory has to allow programs: set DJL_CACHE_DIR to "
            + "use another one", e);
      }
    }
  }

  /** As DJL names it, such as {@code linux-x86_64}. */
  static String platform(String system, String machine) {
    String os = system.toLowerCase(Locale.ROOT);
    String family = os.startsWith("windows") ? "win" : os.startsWith("mac") ? "osx" : os;
    String architecture = switch (machine) {
      case "amd64" -> "x86_64";
      case "arm64" -> "aarch64";
      default -> machine;
    };
    return family + "-" + architecture;
  }

  /** Those that others need come first. */
  static List<String> names(String platform) {
    return switch (platform.substring(0, platform.indexOf('-'))) {
      case "win" -> List.of("libwinpthread-1.dll", "libgcc_s_seh-1.dll", "libstdc++-6.dll",
          "tokenizers.dll");
      case "osx" -> List.of("libtokenizers.dylib");
      default -> List.of("libtokenizers.so");
    };
  }

  static URL resource(String platform, String name) {
    URL packed = TokenizersLibrary.class.getResource(ROOT + platform + "/cpu/" + name);
    if (packed == null) {
      throw new InputException("there is no native tokenizer library for " + platform
          + "; it exists for Linux on x86-64 and ARM, macOS on ARM and Windows on x86-64");
    }
    return packed;
  }

  private static String version() {
    String unknown = "unknown"; // a name of a folder, no more
    try (InputStream properties = TokenizersLibrary.class
        .getResourceAsStream(ROOT + "tokenizers.properties")) {
      if (properties != null) {
        Properties read = new Properties();
        read.load(properties);
        return read.getProperty("version", unknown);
      }
      return unknown;
    } catch (IOException e) {
      throw new InputException("the tokenizers jar cannot be read: " + e.getMessage(), e);
    }
  }

  /** Several processes may do so at once: the file appears whole. */
  static void unpack(URL packed, Path file) throws IOException {
    URLConnection connection = packed.openConnection();
    connection.setUseCaches(false);
    try (InputStream in = connection.getInputStream()) {
      if (Files.isRegularFile(file) && Files.size(file) == connection.getContentLengthLong()) {
        return;
      }
      Path folder = Files.createDirectories(file.toAbsolutePath().getParent());
      Path part = Files.createTempFile(folder, file.getFileName().toString(), ".part");
      try {
        Files.copy(in, part, StandardCopyOption.REPLACE_EXISTING);
        Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      } finally {
        Files.deleteIfExists(part);
      }
    }
  }
}

package io.pariskv.app.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Which program a result comes from. */
final class Version {
  /** Of a release. */
  static final String NUMBER = "0.1.0";

  private Version() {
  }

  /** Number and commit, such as {@code 0.1.0 (e506b3c-dirty)}; the commit if it can be told. */
  static String text() {
    String commit = System.getProperty("pariskv.commit", "");
    if (commit.isEmpty()) {
      commit = describe(Path.of(System.getProperty("pariskv.home", ".")));
    }
    return commit.isEmpty() ? NUMBER : NUMBER + " (" + commit + ")";
  }

  private static String describe(Path home) {
    if (!Files.exists(home.resolve(".git"))) {
      return "";
    }
    try {
      Process git = new ProcessBuilder("git", "-C", home.toString(), "describe", "--always",
          "--dirty").redirectError(ProcessBuilder.Redirect.DISCARD).start();
      String answer = new String(git.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      return git.waitFor() == 0 ? answer.strip() : "";
    } catch (IOException e) { // no git: then the number alone
      return "";
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return "";
    }
  }
}

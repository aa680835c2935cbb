package io.pariskv.backend.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Limits that processes share, as the kernel shows them. */
class CgroupTest {
  @TempDir
  private Path root;
  private Path membership;

  @BeforeEach
  void membership() throws IOException {
    membership = root.resolve("self");
    Files.writeString(membership, "0::/pod/app\n");
  }

  private OptionalLong available() {
    return new Cgroup(root, membership).availableBytes();
  }

  private void group(String path, String max, long current, long inactive, long active)
      throws IOException {
    Path group = Files.createDirectories(root.resolve(path));
    Files.writeString(group.resolve("memory.max"), max + "\n");
    Files.writeString(group.resolve("memory.current"), current + "\n");
    Files.writeString(group.resolve("memory.stat"),
        "anon 1\ninactive_file " + inactive + "\nactive_file " + active + "\n");
  }

  @Test
  void whatAllProcessesOfTheGroupHold_countsAsUsed_cachedFilesDoNot() throws IOException {
    group("pod/app", "1000", 700, 250, 50);
    assertEquals(600, available().orElseThrow());
  }

  @Test
  void theTightestGroupAbove_isTheLimit() throws IOException {
    group("pod/app", "1000", 300, 0, 0);
    group("pod", "1100", 900, 100, 0);
    assertEquals(300, available().orElseThrow());
    group("pod/app", "max", 300, 0, 0);
    assertEquals(300, available().orElseThrow());
    group("pod", "max", 900, 100, 0);
    assertTrue(available().isEmpty());
  }

  @Test
  void aGroupOverItsLimit_hasNothingLeft() throws IOException {
    group("pod/app", "1000", 1_200, 0, 0);
    assertEquals(0, available().orElseThrow());
  }

  /** A container sees its own group as the root, and a path of the host if it has no namespace of its own. */
  @Test
  void pathThatIsNotThere_isTheRoot_andNothingLeavesIt() throws IOException {
    group("", "2000", 500, 0, 0);
    assertEquals(1_500, available().orElseThrow());
    Files.writeString(membership, "0::/../../etc\n");
    assertEquals(1_500, available().orElseThrow());
  }

  @Test
  void whatCannotBeRead_setsNoLimit() throws IOException {
    assertTrue(available().isEmpty());
    group("pod/app", "many", 700, 0, 0);
    assertTrue(available().isEmpty());
    Files.writeString(membership, "4:memory:/app\n");
    assertTrue(available().isEmpty());
    assertTrue(new Cgroup(root.resolve("none"), root.resolve("none")).availableBytes().isEmpty());
  }
}

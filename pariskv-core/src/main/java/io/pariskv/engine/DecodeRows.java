package io.pariskv.engine;

import io.pariskv.generate.DecodeLoop;
import io.pariskv.generate.ModelRunner;
import io.pariskv.generate.TokenLogprobs;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The batch of all sequences that decode: a row each, and the sampler that the row has. On the engine's thread. */
final class DecodeRows {
  private final ModelRunner runner;
  /** In the order of the rows. */
  private final List<Running> decoding = new ArrayList<>();
  /** Whose sampler each row has. */
  private final @Nullable Running[] samplers;
  /** Of all that decode; null if they are others than before. */
  private @Nullable DecodeLoop steps;

  /** @param places most rows */
  DecodeRows(ModelRunner runner, int places) {
    this.runner = runner;
    this.samplers = new Running[places];
  }

  /** Those that decode now. */
  List<Running> all() {
    return List.copyOf(decoding);
  }

  int size() {
    return decoding.size();
  }

  /** Makes ready a row in which the first token of a prompt can be chosen, before the sequence {@linkplain #join joins}. */
  int rowFor(Running running) {
    int row = decoding.size();
    configure(row, running, running.request().prompt());
    return row;
  }

  /** From here on the sequence has a row, after its first token was chosen. */
  void join(Running running) {
    decoding.add(running);
    stopSteps();
  }

  /** The sequence has no row from here on; the last one takes its place. Without effect if it had none. */
  void leave(Running running) {
    int row = decoding.indexOf(running);
    if (row >= 0) {
      stopSteps();
      Running moved = decoding.removeLast();
      if (moved != running) {
        decoding.set(row, moved);
      }
    }
    leaveRow(running);
  }

  /** One step of all. */
  void step() {
    DecodeLoop loop = steps;
    if (loop == null) {
      for (int row = 0; row < decoding.size(); row++) {
        takeRow(row, decoding.get(row));
      }
      loop = runner.decode(decoding.stream().map(Running::sequence).toList());
      steps = loop;
    }
    runner.setSequenceLength(decoding.getFirst().sequence().length() + 1);
    for (int row = 0; row < decoding.size(); row++) {
      Running running = decoding.get(row);
      running.beforeStep();
      runner.constrain(row, running.constraint());
    }
    loop.run();
    int[] chosen = runner.allChosen(decoding.size());
    loop.commit(decoding.stream().mapToInt(Running::next).toArray());
    for (int row = 0; row < chosen.length; row++) {
      Running running = decoding.get(row);
      running.stepped(chosen[row], logprobs(row, chosen[row], running));
    }
  }

  /** How probable the token that was just chosen in a row was, if anybody asks. */
  @Nullable
  TokenLogprobs logprobs(int row, int chosen, Running running) {
    return runner.logprobs(row, chosen, running.request().options());
  }

  /** A step failed, and nobody knows how far it went: what the rows have is written anew. */
  void afterFailure() {
    stopSteps();
    Arrays.fill(samplers, null);
  }

  /** Lets a sequence go on in a row, as it would have in the row where it was. */
  private void takeRow(int row, Running running) {
    if (samplers[row] != running) {
      configure(row, running, running.seen());
      runner.put(row, running.next());
    }
  }

  private void configure(int row, Running running, int[] seen) {
    leaveRow(running);
    runner.configure(row, running.request().options(), seen);
    runner.constrain(row, running.constraint());
    samplers[row] = running;
  }

  private void leaveRow(Running running) {
    for (int row = 0; row < samplers.length; row++) {
      samplers[row] = samplers[row] == running ? null : samplers[row];
    }
  }

  private void stopSteps() {
    DecodeLoop loop = steps;
    steps = null;
    if (loop != null) {
      loop.close();
    }
  }
}

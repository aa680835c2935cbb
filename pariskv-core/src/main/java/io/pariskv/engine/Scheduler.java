package io.pariskv.engine;

import io.pariskv.error.InputException;
import io.pariskv.generate.DecodeLoop;
import io.pariskv.generate.FinishReason;
import io.pariskv.generate.GenerationResult;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.ModelRunner;
import io.pariskv.generate.Sequence;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What the engine's thread does, turn by turn: those that must end go, those that wait come in, a chunk of one prompt,
 * one decode step of all sequences that decode.
 */
final class Scheduler implements AutoCloseable {
  private final LanguageModel model;
  private final ModelRunner runner;
  private final Requests requests;
  private final ChunkSizes chunks;
  private final int places;
  /** Tokens that all caches may have. */
  private final int room;
  private final PrefixCache kept;
  private final Tally tally;

  /** In turn. */
  private final Deque<Running> prefilling = new ArrayDeque<>();
  /** In the order of the rows. */
  private final List<Running> decoding = new ArrayList<>();
  /** Whose sampler each row has. */
  private final @Nullable Running[] rows;
  /** Of all that decode; null if they are others than before. */
  private @Nullable DecodeLoop steps;

  Scheduler(LanguageModel model, ModelRunner runner, Requests requests, ChunkSizes chunks,
      EngineOptions options, int room, Tally tally) {
    this.model = model;
    this.runner = runner;
    this.requests = requests;
    this.chunks = chunks;
    this.places = options.places();
    this.room = room;
    this.kept = new PrefixCache(options.keepTokens());
    this.tally = tally;
    this.rows = new Running[places];
  }

  long cacheBytes() {
    return runner.pool().bytes() - runner.pool().methodBytes();
  }

  /** One turn. What it throws is of the model, and the end of the engine. */
  void turn() {
    endThoseThatMust();
    admit();
    prefill();
    decode();
    publish();
  }

  private void endThoseThatMust() {
    requests.takeOver().forEach(this::endWaiting);
    running().toList().forEach(this::endIfItMust);
  }

  private void endIfItMust(Running running) {
    FinishReason why = running.request().over();
    if (why != null) {
      running.end(why);
      finish(running);
    }
  }

  private Stream<Running> running() {
    return Stream.concat(prefilling.stream(), decoding.stream());
  }

  /** In the order of arrival: one that has to wait for memory is not overtaken. */
  private void admit() {
    for (Request next = requests.first(); next != null; next = requests.first()) {
      Sequence sequence = makeRoom(next);
      if (sequence == null) {
        return;
      }
      requests.takeFirst();
      Running running = new Running(model, next, sequence);
      prefilling.addLast(running);
      tally.started(next.prompt().length, sequence.length());
      publish();
      goOn(running, running::tellProgress);
    }
  }

  /** A sequence for a request, with what it has of the prompt already; null if it has to wait. */
  private @Nullable Sequence makeRoom(Request request) {
    int active = prefilling.size() + decoding.size();
    long used = running().mapToLong(Running::room).sum();
    if (active == places || used + request.mostTokens() > room) {
      return null;
    }
    Sequence match = kept.match(request.prompt());
    if (match != null && used + Math.max(request.mostTokens(), match.mostTokens()) > room) {
      match = null; // its memory, for more tokens than the prompt has, does not fit
    }
    while (!fits(request, match, used, active)) {
      Sequence oldest = kept.oldestBut(match);
      if (oldest == null) {
        throw new IllegalStateException(request.mostTokens() + " tokens beside " + used
            + " do not fit in room for " + room + " though nothing else is kept");
      }
      kept.drop(oldest);
    }
    return match == null ? runner.open() : cut(match, request.prompt());
  }

  /** A kept sequence as far as it is a prompt's; a new one if there is no memory to summarise it anew. */
  private Sequence cut(Sequence match, int[] prompt) {
    kept.take(match);
    try {
      match.reuse(prompt, prompt.length - 1);
      return match;
    } catch (OutOfMemoryError e) {
      match.close();
      return runner.open();
    }
  }

  private boolean fits(Request request, @Nullable Sequence match, long used, int active) {
    int matched = match == null ? 0 : match.mostTokens();
    return used + kept.room() - matched + Math.max(request.mostTokens(), matched) <= room
        && active + kept.size() + (match == null ? 1 : 0) <= places;
  }

  /** About a chunk: one of a long prompt, or several short prompts. */
  private void prefill() {
    double done = 0;
    while (done < 0.5 && !prefilling.isEmpty()) {
      done += prefill(prefilling.removeFirst());
    }
  }

  /** Computes a chunk of a prompt; returns which part of a whole chunk it was. */
  private double prefill(Running running) {
    int most = chunks.at(running.sequence().length());
    int count = Math.min(most, running.rest());
    int row = count == running.rest() ? decoding.size() : ModelRunner.NO_ROW;
    prefilling.addLast(running);
    int[] prompt = running.request().prompt();
    try {
      if (row != ModelRunner.NO_ROW) {
        configure(row, running, prompt);
      }
      if (runner.prefill(running.sequence(), prompt, count, row,
          () -> running.request().over() != null)) {
        prefilled(running, row);
      } else {
        endIfItMust(running);
      }
    } catch (OutOfMemoryError | InputException e) {
      if (!kept.clear()) {
        fail(running, e);
      }
    }
    return (double) count / most;
  }

  private void prefilled(Running running, int row) {
    boolean goesOn = goOn(running, running::tellProgress);
    if (goesOn && row != ModelRunner.NO_ROW) {
      running.prefilled(runner.chosen(row));
      tally.generated(1);
      prefilling.remove(running);
      decoding.add(running);
      stopSteps();
      goOn(running, running::tellToken);
    }
  }

  /** One step of all that decode. */
  private void decode() {
    if (decoding.isEmpty()) {
      return;
    }
    List<Running> all = List.copyOf(decoding);
    try {
      step(all);
    } catch (OutOfMemoryError | InputException e) {
      stopSteps();
      Arrays.fill(rows, null); // nobody knows how far the step went
      if (!kept.clear()) {
        fail(all.getLast(), e); // others may have room then
      }
      return;
    }
    tally.generated(all.size());
    for (Running running : all) {
      goOn(running, running::tellToken);
    }
  }

  private void step(List<Running> all) {
    DecodeLoop loop = steps;
    if (loop == null) {
      for (int row = 0; row < all.size(); row++) {
        takeRow(row, all.get(row));
      }
      loop = runner.decode(all.stream().map(Running::sequence).toList());
      steps = loop;
    }
    runner.setSequenceLength(all.getFirst().sequence().length() + 1);
    all.forEach(Running::beforeStep);
    loop.run();
    int[] chosen = runner.allChosen(all.size());
    loop.commit(all.stream().mapToInt(Running::next).toArray());
    for (int row = 0; row < chosen.length; row++) {
      all.get(row).stepped(chosen[row]);
    }
  }

  /** Lets a sequence go on in a row, as it would have in the row where it was. */
  private void takeRow(int row, Running running) {
    if (rows[row] != running) {
      configure(row, running, running.seen());
      runner.put(row, running.next());
    }
  }

  private void configure(int row, Running running, int[] seen) {
    leaveRow(running);
    runner.configure(row, running.request().options(), seen);
    rows[row] = running;
  }

  private void leaveRow(Running running) {
    for (int row = 0; row < rows.length; row++) {
      rows[row] = rows[row] == running ? null : rows[row];
    }
  }

  private void stopSteps() {
    DecodeLoop loop = steps;
    steps = null;
    if (loop != null) {
      loop.close();
    }
  }

  /** Tells a request's listener something; the request ends if the listener says so, or fails. */
  private boolean goOn(Running running, BooleanSupplier tell) {
    try {
      if (tell.getAsBoolean()) {
        return true;
      }
    } catch (RuntimeException | Error e) {
      fail(running, e);
      return false;
    }
    finish(running);
    return false;
  }

  /** It has ended. K and V of a client that went away are freed, others kept. */
  private void finish(Running running) {
    GenerationResult result = running.result(runner.pool());
    boolean byItself = result.finishReason() == FinishReason.STOP
        || result.finishReason() == FinishReason.LENGTH;
    leave(running, byItself);
    tally.ended();
    tellEnd(running.request(), result);
  }

  /** One that never had a place. */
  private void endWaiting(Request request) {
    FinishReason why = request.over();
    tally.ended();
    tellEnd(request, request.resultWithoutPlace(model, Objects.requireNonNull(why)));
  }

  private void tellEnd(Request request, GenerationResult result) {
    publish();
    request.tellEnd(result);
    requests.ended(request);
  }

  private void fail(Running running, Throwable failure) {
    leave(running, false);
    tally.failed();
    publish();
    running.request().tellFailure(failure);
    requests.ended(running.request());
  }

  private void leave(Running running, boolean keep) {
    int row = decoding.indexOf(running);
    if (row >= 0) {
      stopSteps();
      Running moved = decoding.removeLast();
      if (moved != running) {
        decoding.set(row, moved);
      }
    } else {
      prefilling.remove(running);
    }
    leaveRow(running);
    if (keep) {
      kept.keep(running.sequence());
    } else {
      running.sequence().close();
    }
  }

  /** Lets others see how things are. */
  private void publish() {
    long held = kept.tokens() + running().mapToLong(r -> r.sequence().length()).sum();
    tally.publish(prefilling.size(), decoding.size(), held);
  }

  @Override
  public void close() {
    runner.close();
  }
}

package io.pariskv.engine;

import io.pariskv.error.InputException;
import io.pariskv.generate.FinishReason;
import io.pariskv.generate.GenerationResult;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.ModelRunner;
import io.pariskv.generate.Pause;
import io.pariskv.generate.Sequence;
import io.pariskv.memory.AvailableMemory;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What the engine's thread does, turn by turn: those that must end go, those that wait come in, a chunk of one prompt,
 * one decode step of all sequences that decode; and while a chunk takes long, more such steps between its layers.
 */
final class Scheduler implements AutoCloseable {
  /** What copying a chunk takes of the time of computing it, at most. */
  private static final double COPIED = 1 / 16.0;

  private final LanguageModel model;
  private final ModelRunner runner;
  private final Requests requests;
  private final ChunkSizes chunks;
  private final PrefixCache kept;
  private final Room room;
  private final Tally tally;

  /** Requests that had a place so far. */
  private long started;
  /** In turn. */
  private final Deque<Running> prefilling = new ArrayDeque<>();
  private final DecodeRows decoding;
  private final Pace pace;
  /** Between a place and the prompt that is computed, or after it. */
  private final Transfers transfers;

  /** @param mostTokens that all caches may have */
  Scheduler(LanguageModel model, ModelRunner runner, Requests requests, ChunkSizes chunks,
      EngineOptions options, int mostTokens, Tally tally, LongSupplier clock,
      Transfers transfers) {
    this.model = model;
    this.runner = runner;
    this.requests = requests;
    this.chunks = chunks;
    this.kept = new PrefixCache(options.keepTokens());
    this.room = new Room(runner, kept, options.places(), mostTokens);
    this.tally = tally;
    this.decoding = new DecodeRows(runner, options.places());
    this.pace = new Pace(options.maxStall(), clock);
    this.transfers = transfers;
  }

  long cacheBytes() {
    return runner.pool().bytes() - runner.pool().methodBytes();
  }

  /** One turn. What it throws is of the model, and the end of the engine. */
  void turn() {
    endThoseThatMust();
    admit();
    transfer();
    prefill();
    decode();
    publish();
    running().forEach(Running::showAttention);
  }

  private void endThoseThatMust() {
    endOthers(null);
  }

  /** All that must end but {@code current}, whose pass is under way. */
  private void endOthers(@Nullable Running current) {
    requests.takeOver().forEach(this::endWaiting);
    running().filter(running -> running != current).toList().forEach(this::endIfItMust);
  }

  private void endIfItMust(Running running) {
    FinishReason why = running.request().over();
    if (why != null) {
      running.end(why);
      finish(running);
    }
  }

  private Stream<Running> running() {
    return Stream.of(transfers.all(), prefilling, decoding.all()).flatMap(Collection::stream);
  }

  /** In the order of arrival: one that has to wait for memory is not overtaken. */
  private void admit() {
    for (Request next = requests.first(); next != null; next = requests.first()) {
      Sequence sequence = room.sequenceFor(next, running().toList());
      if (sequence == null) {
        return;
      }
      requests.takeFirst();
      Running running = new Running(model, started++, next, sequence);
      tally.started(next.prompt().length, sequence.length());
      boolean begun = begin(running);
      publish();
      if (begun) {
        goOn(running, running::tellProgress);
      }
    }
  }

  /** Returns whether it has not ended at once. */
  private boolean begin(Running running) {
    try {
      return transfers.load(running) || computeRest(running);
    } catch (InputException | OutOfMemoryError e) {
      fail(running, e);
      return false;
    }
  }

  /** What no cache has; returns whether it has not ended at once. */
  private boolean computeRest(Running running) {
    if (running.request().task() != null && running.rest() == 0) {
      return perform(running);
    }
    prefilling.addLast(running);
    return true;
  }

  /** The prompt of a request for no answer is in the cache; returns whether it has not ended yet. */
  private boolean perform(Running running) {
    if (!(running.request().task() instanceof CacheTask.Save task)) {
      endPerformed(running);
      return false;
    }
    try {
      transfers.save(running, task, running.prefillSeconds());
      return true;
    } catch (InputException | OutOfMemoryError e) {
      fail(running, e);
      return false;
    }
  }

  private void endPerformed(Running running) {
    running.end(FinishReason.LENGTH);
    finish(running);
  }

  /** A chunk of each request that is on its way from or to a file. */
  private void transfer() {
    for (Running running : List.copyOf(transfers.all())) {
      int before = running.sequence().length();
      boolean idle = prefilling.isEmpty() && decoding.size() == 0;
      try {
        switch (transfers.advance(running, idle)) {
          case MOVING -> loaded(running, before);
          case LOADED -> {
            if (loaded(running, before)) {
              computeRest(running);
            }
          }
          case SAVED -> endPerformed(running);
        }
      } catch (InputException | OutOfMemoryError e) {
        if (e instanceof InputException || !kept.clear()) {
          fail(running, e);
        }
      }
    }
  }

  /** Rows may have come from a file; returns whether to go on. */
  private boolean loaded(Running running, int before) {
    int more = running.sequence().length() - before;
    running.copied(more);
    tally.copied(more);
    return more == 0 || goOn(running, running::tellProgress);
  }

  /** About a chunk: one of a long prompt, or several short prompts. */
  private void prefill() {
    double done = 0;
    for (int waiting = 0; done < 0.5 && waiting < prefilling.size();) {
      Running running = prefilling.removeFirst();
      prefilling.addLast(running);
      double part = prefill(running);
      done += part;
      waiting = part == 0 ? waiting + 1 : 0;
    }
  }

  /** Copies or computes a chunk of a prompt; returns which part of computing a whole one that was, 0 if it waits. */
  private double prefill(Running running) {
    int has = running.sequence().length();
    int most = chunks.at(has);
    SharedPrefix prefix = running.request().task() == null
        ? SharedPrefix.of(running, running().toList(), kept.all(), chunks.leastCopied())
        : null; // what is saved is exact
    if (prefix == null) {
      return compute(running, Math.min(most, running.rest())) / (double) most;
    }
    if (prefix.ready() <= has) {
      return 0; // the other one's turn will come
    }
    copy(running, prefix.source(), Math.min(most, prefix.ready() - has));
    return COPIED;
  }

  private void copy(Running running, Sequence source, int count) {
    orGiveUp(running, () -> {
      runner.copy(source, running.sequence(), running.request().prompt(), count);
      running.copied(count);
      tally.copied(count);
      runner.await();
      if (pause(running, 0) == Pause.GIVE_UP) {
        endIfItMust(running);
      } else {
        goOn(running, running::tellProgress);
      }
    });
  }

  private int compute(Running running, int count) {
    orGiveUp(running, () -> {
      boolean chooses = count == running.rest() && running.request().task() == null;
      int row = chooses ? decoding.rowFor(running) : ModelRunner.NO_ROW;
      if (runner.prefill(running.sequence(), running.request().prompt(), count, row,
          layers -> pause(running, layers))) {
        prefilled(running, row);
      } else {
        endIfItMust(running);
      }
    });
    return count;
  }

  /** Without memory for what is asked, what is kept goes, and it is tried again in its next turn; or else the request. */
  private void orGiveUp(Running running, Runnable work) {
    try {
      work.run();
    } catch (OutOfMemoryError | InputException e) {
      if (!kept.clear()) {
        fail(running, e);
      }
    }
  }

  /**
   * Between layers of a prompt: the others do not wait for its pass.
   *
   * @return as of a {@link Pause}
   */
  private int pause(Running current, int layers) {
    if (current.request().over() != null) {
      return Pause.GIVE_UP;
    }
    int ahead = pace.ahead(layers);
    endOthers(current);
    if (pace.stepIsDue(ahead)) {
      decode();
      publish();
    }
    pace.resumes(layers);
    return ahead;
  }

  private void prefilled(Running running, int row) {
    boolean goesOn = goOn(running, running::tellProgress);
    if (goesOn && row != ModelRunner.NO_ROW) {
      int first = runner.chosen(row);
      running.prefilled(first, decoding.logprobs(row, first, running));
      tally.generated(1);
      prefilling.remove(running);
      decoding.join(running);
      goOn(running, running::tellToken);
    } else if (goesOn && running.rest() == 0) {
      prefilling.remove(running);
      perform(running);
    }
  }

  /** One step of all that decode. */
  private void decode() {
    List<Running> all = decoding.all();
    if (all.isEmpty()) {
      return;
    }
    try {
      decoding.step();
    } catch (OutOfMemoryError | InputException e) {
      decoding.afterFailure();
      if (!kept.clear()) {
        fail(all.getLast(), e); // others may have room then
      }
      return;
    }
    pace.stepped();
    tally.generated(all.size());
    for (Running running : all) {
      goOn(running, running::tellToken);
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
    running.showLastAttention();
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
    prefilling.remove(running);
    transfers.end(running);
    decoding.leave(running);
    if (keep) {
      kept.keep(running.sequence());
    } else {
      running.sequence().close();
    }
  }

  /** Lets others see how things are. */
  private void publish() {
    long held = kept.tokens() + running().mapToLong(r -> r.sequence().length()).sum();
    tally.publish(transfers.all().size() + prefilling.size(), decoding.size(), held);
    AvailableMemory bytes = runner.pool().held();
    tally.publish(new CacheStatus(kept.tokens(), bytes.gpuBytes(), bytes.hostBytes()));
  }

  @Override
  @SuppressWarnings("try") // closed in the end, last first
  public void close() {
    try (runner; transfers) {
      // nothing else
    }
  }
}

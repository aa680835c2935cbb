package io.pariskv.langchain4j;

import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.model.chat.response.ChatModelStreamingEvent;
import dev.langchain4j.model.chat.response.CompleteResponse;
import dev.langchain4j.model.chat.response.StreamingHandle;
import io.pariskv.chat.AnswerParser;
import io.pariskv.chat.Part;
import io.pariskv.chat.Thinking;
import io.pariskv.engine.Engine;
import io.pariskv.engine.EngineListener;
import io.pariskv.engine.EngineRequest;
import io.pariskv.engine.EngineStoppedException;
import io.pariskv.generate.FinishReason;
import io.pariskv.generate.GenerationResult;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.jspecify.annotations.Nullable;

/**
 * One answer's way from the engine's thread, which never waits, to a thread of its own or of the caller. What that has not taken
 * yet is kept, which is at most the answer's text. Any thread may cancel it; nothing is told of it then.
 */
final class AnswerStream implements EngineListener, StreamingHandle {
  /** What the engine tells. */
  private sealed interface Event {
    record Prefill(int done, int total) implements Event {
    }

    record Text(String text) implements Event {
    }

    record Ended(GenerationResult result) implements Event {
    }

    record Failed(Exception failure) implements Event {
    }
  }

  /** Who is told, on the thread of {@link #run}. The last event is a {@link CompleteResponse}, or a failure in its place. */
  interface Receiver {
    /** Takes an event; must not throw. */
    void receive(ChatModelStreamingEvent event);

    /** There is no answer; must not throw. */
    void fail(LangChain4jException failure);
  }

  private final LocalModel model;
  private final Question question;
  private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();
  private volatile boolean cancelled;
  private volatile Engine.@Nullable Ticket ticket;

  AnswerStream(LocalModel model, Question question) {
    this.model = model;
    this.question = question;
  }

  /** Answers, and returns when the receiver knows the end, or the answer was cancelled. */
  void run(Receiver receiver) {
    try {
      int[] prompt = question.encode(model);
      if (!cancelled) {
        Engine.Ticket submitted = model.engine()
            .submit(new EngineRequest(prompt, question.options(model, prompt), model.deadline()),
                this);
        ticket = submitted;
        if (cancelled) { // between
          submitted.cancel();
        }
        deliver(AnswerParser.of(model.tools(), question.functions(),
            Thinking.begins(model.tokenizer(), prompt)), receiver);
      }
    } catch (InterruptedException e) {
      cancel();
      Thread.currentThread().interrupt();
      receiver.fail(new LangChain4jException("interrupted while waiting for the answer", e));
    } catch (RuntimeException | Error e) {
      cancel();
      receiver.fail(Refusals.of(e));
    }
  }

  private void deliver(AnswerParser parser, Receiver receiver) throws InterruptedException {
    AnswerBuilder answer = new AnswerBuilder(model.name());
    Event event = events.take();
    while (!cancelled) {
      switch (event) {
        case Event.Prefill(int done, int total) ->
          receiver.receive(new PrefillProgress(done, total));
        case Event.Text(String text) -> receive(parser.push(text), answer, receiver);
        case Event.Ended(GenerationResult result) -> {
          end(result, parser, answer, receiver);
          return;
        }
        case Event.Failed(Exception failure) -> {
          receiver.fail(Refusals.of(failure));
          return;
        }
      }
      event = events.take();
    }
  }

  private void receive(List<Part> parts, AnswerBuilder answer, Receiver receiver) {
    for (Part part : parts) {
      if (!cancelled) {
        receiver.receive(answer.add(part));
      }
    }
  }

  private void end(GenerationResult result, AnswerParser parser, AnswerBuilder answer,
      Receiver receiver) {
    if (result.finishReason() == FinishReason.CANCELLED) { // not by us
      receiver.fail(Refusals.of(new EngineStoppedException(null)));
      return;
    }
    receive(parser.finish(), answer, receiver);
    if (!cancelled) {
      receiver.receive(new CompleteResponse(answer.build(result)));
    }
  }

  @Override
  public boolean onPrefill(int done, int total) {
    events.add(new Event.Prefill(done, total));
    return !cancelled;
  }

  @Override
  public boolean onToken(int token, String text) {
    if (!text.isEmpty()) {
      events.add(new Event.Text(text));
    }
    return !cancelled;
  }

  @Override
  public void onEnd(GenerationResult result) {
    events.add(new Event.Ended(result));
  }

  @Override
  public void onFailure(Exception failure) {
    events.add(new Event.Failed(failure));
  }

  @Override
  public void cancel() {
    cancelled = true;
    Engine.Ticket submitted = ticket;
    if (submitted != null) {
      submitted.cancel();
    }
  }

  @Override
  public boolean isCancelled() {
    return cancelled;
  }
}

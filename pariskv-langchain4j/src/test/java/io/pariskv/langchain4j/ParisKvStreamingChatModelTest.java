package io.pariskv.langchain4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatModelStreamingEvent;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.CompleteResponse;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.chat.response.StreamingHandle;
import io.pariskv.engine.Engine;
import io.pariskv.engine.EngineListener;
import io.pariskv.engine.EngineRequest;
import io.pariskv.generate.GenerationResult;
import io.pariskv.generate.LanguageModel;
import io.pariskv.langchain4j.testing.ScriptedEngine;
import io.pariskv.langchain4j.testing.TestModels;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What LangChain4j's conformance tests do not ask of streams, or ask with long waits. */
@Timeout(60)
class ParisKvStreamingChatModelTest {
  private static final ChatRequest REQUEST = ChatRequest.builder()
      .messages(UserMessage.from("tell me")).build();
  private static LanguageModel model;

  @BeforeAll
  static void load() {
    model = TestModels.recall();
  }

  @AfterAll
  static void close() {
    model.close();
  }

  /** Lets tests see that the engine has ended a request. */
  private static final class Watched extends ScriptedEngine {
    private final CountDownLatch ended = new CountDownLatch(1);

    Watched(String answer) {
      super(model, _ -> answer);
    }

    @Override
    public Ticket submit(EngineRequest request, EngineListener listener) {
      return super.submit(request, new EngineListener() {
        @Override
        public boolean onPrefill(int done, int total) {
          return listener.onPrefill(done, total);
        }

        @Override
        public boolean onToken(int token, String text) {
          return listener.onToken(token, text);
        }

        @Override
        public void onEnd(GenerationResult result) {
          listener.onEnd(result);
          ended.countDown();
        }

        @Override
        public void onFailure(Exception failure) {
          listener.onFailure(failure);
        }
      });
    }
  }

  private static ParisKvStreamingChatModel streaming(Engine engine) {
    return ParisKvStreamingChatModel.builder().engine(model, engine).build();
  }

  @Test
  void prefill_isToldBeforeTheFirstToken() throws Exception {
    List<Object> heard = new CopyOnWriteArrayList<>();
    CompletableFuture<ChatResponse> end = new CompletableFuture<>();
    try (ParisKvStreamingChatModel chat = ParisKvStreamingChatModel.builder().languageModel(model)
        .maxOutputTokens(3).build()) {
      chat.chat(REQUEST, new StreamingChatResponseHandler() {
        @Override
        public void onUnmappedRawEvent(Object event) {
          heard.add(event);
        }

        @Override
        public void onPartialResponse(String text) {
          heard.add(text);
        }

        @Override
        public void onCompleteResponse(ChatResponse response) {
          end.complete(response);
        }

        @Override
        public void onError(Throwable error) {
          end.completeExceptionally(error);
        }
      });
      int prompt = end.get().tokenUsage().inputTokenCount();
      assertEquals(new PrefillProgress(0, prompt), heard.getFirst());
      assertTrue(heard.contains(new PrefillProgress(prompt, prompt)), heard::toString);
      assertInstanceOf(String.class, heard.getLast());
    }
  }

  @Test
  void cancelledHandle_silencesTheHandler_andEndsTheRequest() throws Exception {
    Watched engine = new Watched("one two three four five six" + ScriptedEngine.HALT);
    CompletableFuture<StreamingHandle> cancelled = new CompletableFuture<>();
    List<Object> after = new CopyOnWriteArrayList<>();
    streaming(engine).chat(REQUEST, new StreamingChatResponseHandler() {
      @Override
      public void onPartialResponse(PartialResponse text, PartialResponseContext context) {
        if (cancelled.isDone()) {
          after.add(text);
        }
        context.streamingHandle().cancel();
        cancelled.complete(context.streamingHandle());
      }

      @Override
      public void onCompleteResponse(ChatResponse response) {
        after.add(response);
      }

      @Override
      public void onError(Throwable error) {
        after.add(error);
      }
    });
    assertTrue(cancelled.get().isCancelled());
    engine.ended.await();
    assertEquals(List.of(), after);
  }

  /** Keeps what it hears, and asks for nothing by itself. */
  private static final class Slow implements Flow.Subscriber<ChatModelStreamingEvent> {
    private final CompletableFuture<Flow.Subscription> subscription = new CompletableFuture<>();
    private final BlockingQueue<Object> heard = new LinkedBlockingQueue<>();

    @Override
    public void onSubscribe(Flow.Subscription given) {
      subscription.complete(given);
    }

    @Override
    public void onNext(ChatModelStreamingEvent event) {
      heard.add(event);
    }

    @Override
    public void onError(Throwable error) {
      heard.add(error);
    }

    @Override
    public void onComplete() {
      heard.add("complete");
    }
  }

  @Test
  void slowSubscriber_getsWhatItAsksFor_whileTheEngineGoesOn() throws Exception {
    Watched engine = new Watched("one two three");
    Slow slow = new Slow();
    streaming(engine).chat(REQUEST).subscribe(slow);
    engine.ended.await();
    assertTrue(slow.heard.isEmpty());
    Flow.Subscription subscription = slow.subscription.get();
    subscription.request(2);
    assertInstanceOf(PrefillProgress.class, slow.heard.take());
    assertInstanceOf(PrefillProgress.class, slow.heard.take());
    assertTrue(slow.heard.isEmpty());
    subscription.request(Long.MAX_VALUE);
    subscription.request(Long.MAX_VALUE);
    StringBuilder text = new StringBuilder();
    Object event = slow.heard.take();
    for (; event instanceof PartialResponse partial; event = slow.heard.take()) {
      text.append(partial.text());
    }
    assertEquals("one two three", text.toString());
    assertInstanceOf(CompleteResponse.class, event);
    assertEquals("complete", slow.heard.take());
  }

  @Test
  void subscriptions_areCancelledByTheSubscriber_orByAWrongDemand() throws Exception {
    Watched engine = new Watched("one" + ScriptedEngine.HALT);
    Slow slow = new Slow();
    streaming(engine).chat(REQUEST).subscribe(slow);
    slow.subscription.get().request(1);
    slow.heard.take();
    slow.subscription.get().cancel();
    engine.ended.await();
    assertTrue(slow.heard.isEmpty());

    engine = new Watched("one" + ScriptedEngine.HALT);
    Slow wrong = new Slow();
    streaming(engine).chat(REQUEST).subscribe(wrong);
    wrong.subscription.get().request(0);
    assertInstanceOf(IllegalArgumentException.class, wrong.heard.take());
    assertFalse(wrong.heard.contains("complete"));
  }
}

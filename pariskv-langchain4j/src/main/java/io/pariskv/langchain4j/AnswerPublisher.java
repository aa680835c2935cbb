package io.pariskv.langchain4j;

import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.model.chat.response.ChatModelStreamingEvent;
import dev.langchain4j.model.chat.response.CompleteResponse;
import java.util.Objects;
import java.util.concurrent.Flow;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** An answer for each subscriber, on a virtual thread, which waits for the subscriber's demand; the engine does not. */
final class AnswerPublisher implements Flow.Publisher<ChatModelStreamingEvent> {
  private final Supplier<AnswerStream> answers;

  /** @param answers makes one that has not begun */
  AnswerPublisher(Supplier<AnswerStream> answers) {
    this.answers = answers;
  }

  @Override
  public void subscribe(Flow.Subscriber<? super ChatModelStreamingEvent> subscriber) {
    new Delivery(Objects.requireNonNull(subscriber), answers.get()).start();
  }

  private static final class Delivery implements Flow.Subscription, AnswerStream.Receiver {
    private final Flow.Subscriber<? super ChatModelStreamingEvent> subscriber;
    private final AnswerStream answer;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private long demand;
    private @Nullable IllegalArgumentException violation;

    Delivery(Flow.Subscriber<? super ChatModelStreamingEvent> subscriber, AnswerStream answer) {
      this.subscriber = subscriber;
      this.answer = answer;
    }

    void start() {
      subscriber.onSubscribe(this);
      Thread.ofVirtual().name("pariskv-answer").start(() -> {
        answer.run(this);
        IllegalArgumentException broken = violation();
        if (broken != null) {
          subscriber.onError(broken);
        }
      });
    }

    @Override
    public void request(long count) {
      lock.lock();
      try {
        if (count <= 0) {
          violation = new IllegalArgumentException("demand must be positive, not " + count);
          answer.cancel();
        } else {
          demand = demand + count < 0 ? Long.MAX_VALUE : demand + count;
        }
        changed.signalAll();
      } finally {
        lock.unlock();
      }
    }

    @Override
    public void cancel() {
      lock.lock();
      try {
        answer.cancel();
        changed.signalAll();
      } finally {
        lock.unlock();
      }
    }

    private @Nullable IllegalArgumentException violation() {
      lock.lock();
      try {
        return violation;
      } finally {
        lock.unlock();
      }
    }

    /** Waits until the subscriber takes one more; false if it takes none. */
    private boolean awaitDemand() {
      lock.lock();
      try {
        while (demand == 0 && !answer.isCancelled()) {
          changed.awaitUninterruptibly();
        }
        demand--;
        return !answer.isCancelled();
      } finally {
        lock.unlock();
      }
    }

    @Override
    public void receive(ChatModelStreamingEvent event) {
      if (!awaitDemand()) {
        return;
      }
      try {
        subscriber.onNext(event);
        if (event instanceof CompleteResponse && !answer.isCancelled()) {
          subscriber.onComplete();
        }
      } catch (RuntimeException | Error e) {
        cancel(); // a subscriber must not throw, and hears nothing more
      }
    }

    @Override
    public void fail(LangChain4jException failure) {
      if (violation() == null) {
        subscriber.onError(failure);
      }
    }
  }
}

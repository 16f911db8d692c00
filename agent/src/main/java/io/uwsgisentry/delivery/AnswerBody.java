package io.uwsgisentry.delivery;

import java.io.ByteArrayOutputStream;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodySubscriber;
import java.net.http.HttpResponse.ResponseInfo;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Takes the body of an answer, as far as it is worth it: so many bytes and so much time, then what
 * is there has to do. The JDK's own time limit ends with the headers, and status and headers
 * already say what to do; so a body that drips, breaks off or never ends must neither hold a thread
 * nor turn an accepted event into one that is sent again.
 */
final class AnswerBody implements BodySubscriber<byte[]> {
  private static final int MOST_BYTES = 16 * 1024;

  private final CompletableFuture<byte[]> done = new CompletableFuture<>();
  private final ByteArrayOutputStream taken = new ByteArrayOutputStream(256);

  // Guarded by this.
  private Flow.@Nullable Subscription subscription;
  private boolean over;

  private AnswerBody(Duration longest) {
    // Who waits for the answer waits for `done` itself.
    CompletionStage<byte[]> unused =
        done.completeOnTimeout(new byte[0], longest.toMillis(), TimeUnit.MILLISECONDS)
            .whenComplete((bytes, failure) -> cancel());
  }

  /** Makes the body of one answer, and keeps what its headers said should the body be lost. */
  static final class Handler implements BodyHandler<byte[]> {
    private final Duration longest;
    private volatile @Nullable ResponseInfo info;

    Handler(Duration longest) {
      this.longest = longest;
    }

    @Override
    public BodySubscriber<byte[]> apply(ResponseInfo given) {
      info = given;
      return new AnswerBody(longest);
    }

    /** The answer without its body; null if not even its headers came. */
    @Nullable Answer bodiless() {
      ResponseInfo known = info;
      return known == null ? null : new Answer(known.statusCode(), known.headers(), new byte[0]);
    }
  }

  @Override
  public CompletionStage<byte[]> getBody() {
    return done;
  }

  @Override
  public synchronized void onSubscribe(Flow.Subscription given) {
    subscription = given;
    if (over) {
      given.cancel();
    } else {
      given.request(Long.MAX_VALUE);
    }
  }

  @Override
  public void onNext(List<ByteBuffer> buffers) {
    for (ByteBuffer buffer : buffers) {
      int wanted = Math.min(buffer.remaining(), MOST_BYTES - taken.size());
      byte[] bytes = new byte[wanted];
      buffer.get(bytes);
      taken.writeBytes(bytes);
      buffer.position(buffer.limit());
    }
    if (taken.size() >= MOST_BYTES) {
      done.complete(taken.toByteArray());
    }
  }

  @Override
  public void onError(Throwable failure) {
    end();
    done.complete(taken.toByteArray());
  }

  @Override
  public void onComplete() {
    end();
    done.complete(taken.toByteArray());
  }

  private synchronized void end() {
    over = true;
  }

  /** Closes the connection, unless the body has ended: then it is somebody else's already. */
  private synchronized void cancel() {
    if (!over && subscription != null) {
      subscription.cancel();
    }
    over = true;
  }
}

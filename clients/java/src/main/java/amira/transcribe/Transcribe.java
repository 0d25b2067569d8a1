package amira.transcribe;

import amira.asr.v1.Config.AudioEncoding;
import amira.asr.v1.Config.RecognitionConfig;
import amira.asr.v1.SpeechGrpc;
import amira.asr.v1.SpeechOuterClass.AudioChunk;
import amira.asr.v1.SpeechOuterClass.StreamingRecognizeRequest;
import amira.asr.v1.SpeechOuterClass.StreamingRecognizeResponse;
import com.google.protobuf.ByteString;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.grpc.stub.MetadataUtils;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import java.util.logging.Logger;

/** Streams a 16-bit mono WAV file to Amira and prints each final: HOST:PORT FILE.wav. */
public final class Transcribe
    implements ClientResponseObserver<StreamingRecognizeRequest, StreamingRecognizeResponse> {
  private static final int PIECE_MS = 100;
  private static final Logger GRPC = Logger.getLogger("io.grpc");

  private final Wav wav;
  private final CompletableFuture<Status> finished = new CompletableFuture<>();
  private long offset; // in samples: the server refuses gaps and overlaps
  private boolean begun;
  private boolean ended;
  private volatile boolean stopped;

  private Transcribe(Wav wav) {
    this.wav = wav;
  }

  @Override
  public void beforeStart(ClientCallStreamObserver<StreamingRecognizeRequest> call) {
    call.setOnReadyHandler(() -> send(call)); // called again whenever the server keeps up once more
  }

  /** The stream's messages: the config, then the audio. Its end half-closes the call. */
  private void send(ClientCallStreamObserver<StreamingRecognizeRequest> call) {
    if (!begun) {
      begun = true;
      call.onNext(StreamingRecognizeRequest.newBuilder().setConfig(config()).build());
    }
    while (call.isReady() && !ended) {
      ByteBuffer piece = wav.next(PIECE_MS);
      ended = stopped || !piece.hasRemaining();
      if (ended) {
        call.onCompleted();
      } else {
        AudioChunk.Builder audio = AudioChunk.newBuilder().setOffset(offset);
        offset += piece.remaining() / 2;
        audio.setContent(ByteString.copyFrom(piece));
        call.onNext(StreamingRecognizeRequest.newBuilder().setAudio(audio).build());
      }
    }
  }

  private RecognitionConfig config() {
    return RecognitionConfig.newBuilder()
        .setEncoding(AudioEncoding.AUDIO_ENCODING_LINEAR16)
        .setSampleRateHz(wav.sampleRateHz())
        .build();
  }

  @Override
  public void onNext(StreamingRecognizeResponse response) {
    if (response.getResult().getIsFinal()) {
      System.out.println(response.getResult().getAlternatives(0).getText());
    }
  }

  @Override
  public void onError(Throwable failure) {
    finished.complete(Status.fromThrowable(failure));
  }

  @Override
  public void onCompleted() {
    finished.complete(Status.OK);
  }

  /** Ctrl-C ends the audio, and waits a while for the last final. */
  private void stop() {
    stopped = true;
    finished.completeOnTimeout(Status.CANCELLED, 5, TimeUnit.SECONDS).join();
  }

  private Status run(String target, String key) {
    ManagedChannel channel =
        Grpc.newChannelBuilder(target, InsecureChannelCredentials.create()).build();
    Metadata metadata = new Metadata();
    if (key != null && !key.isEmpty()) {
      var authorization = Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);
      metadata.put(authorization, "Bearer " + key);
    }
    Runtime.getRuntime().addShutdownHook(new Thread(this::stop));
    SpeechGrpc.newStub(channel)
        .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(metadata))
        .streamingRecognize(this);
    Status status = finished.join();
    channel.shutdownNow();
    return status;
  }

  public static void main(String[] args) {
    if (args.length != 2) {
      System.err.println("usage: java -jar transcribe.jar HOST:PORT FILE.wav");
      System.exit(2);
    }
    GRPC.setLevel(Level.SEVERE); // what it warns of comes as a status, too
    System.setOut(new PrintStream(System.out, true, StandardCharsets.UTF_8));
    try {
      checkAddress(args[0]);
      Transcribe transcribe = new Transcribe(Wav.open(args[1]));
      Status status = transcribe.run(args[0], System.getenv("AMIRA_API_KEY"));
      if (!status.isOk()) {
        Throwable cause = status.getCause(); // says whom the connection was meant for
        String more = cause == null ? "" : ": " + cause.getMessage();
        System.err.println(status.getCode() + ": " + status.getDescription() + more);
        System.exit(1);
      }
    } catch (IOException e) {
      System.err.println(e.getMessage());
      System.exit(1);
    }
  }

  /** gRPC would throw other exceptions, or wait for ever for a port that cannot be. */
  private static void checkAddress(String target) throws IOException {
    try {
      URI server = new URI("//" + target);
      if (server.getHost() != null && server.getPort() >= 0 && server.getPort() <= 65535) {
        return;
      }
    } catch (URISyntaxException e) {
      // said below
    }
    throw new IOException("\"" + target + "\" is not HOST:PORT");
  }
}

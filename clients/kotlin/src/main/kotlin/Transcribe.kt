package amira.transcribe

import amira.asr.v1.Config.AudioEncoding
import amira.asr.v1.SpeechGrpcKt.SpeechCoroutineStub
import amira.asr.v1.SpeechOuterClass.StreamingRecognizeRequest
import com.google.protobuf.ByteString
import io.grpc.Grpc
import io.grpc.InsecureChannelCredentials
import io.grpc.Metadata
import io.grpc.StatusException
import java.io.IOException
import java.io.PrintStream
import java.net.URI
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import kotlin.system.exitProcess
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.runBlocking

private const val PIECE_MS = 100

@Volatile private var interrupted = false
private val finished = CountDownLatch(1)

/** The stream's messages: the config, then the audio. Where they end, the call is half-closed. */
private fun requests(wav: Wav): Flow<StreamingRecognizeRequest> = flow {
    val first = StreamingRecognizeRequest.newBuilder()
    first.configBuilder
        .setEncoding(AudioEncoding.AUDIO_ENCODING_LINEAR16)
        .setSampleRateHz(wav.rateHz)
        .setInterimResults(true)
    emit(first.build())
    var offset = 0L // in samples
    while (!interrupted) {
        val piece = wav.next(PIECE_MS)
        if (piece.isEmpty()) break
        val next = StreamingRecognizeRequest.newBuilder()
        next.audioBuilder.setContent(ByteString.copyFrom(piece)).setOffset(offset)
        emit(next.build()) // waits while the server is behind
        offset += piece.size / 2
    }
}

/** gRPC would wait for ever where the port is none, and throw something else where the host is none. */
private fun checked(target: String): String {
    val server = runCatching { URI("//$target") }.getOrNull()
    if (server?.host == null || server.port !in 1..65535) throw IOException("\"$target\" is not HOST:PORT")
    return target
}

private suspend fun transcribe(target: String, wav: Wav) {
    // TlsChannelCredentials.create() for TLS. No deadline: it would cover the whole stream.
    val channel = Grpc.newChannelBuilder(target, InsecureChannelCredentials.create())
        .keepAliveTime(30, TimeUnit.SECONDS) // finds a dead connection; one in 20 s is allowed
        .keepAliveTimeout(10, TimeUnit.SECONDS)
        .build()
    val metadata = Metadata()
    System.getenv("AMIRA_API_KEY")?.takeIf(String::isNotEmpty)?.let {
        metadata.put(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), "Bearer $it")
    }
    try {
        SpeechCoroutineStub(channel).streamingRecognize(requests(wav), metadata).collect { response ->
            val text = response.result.alternativesList.firstOrNull()?.text ?: return@collect
            if (response.result.isFinal) println(text) else System.err.println("... $text")
        }
    } finally {
        channel.shutdownNow()
    }
}

fun main(arguments: Array<String>) {
    if (arguments.size != 2) {
        System.err.println("usage: transcribe HOST:PORT FILE.wav")
        exitProcess(2)
    }
    System.setOut(PrintStream(System.out, true, Charsets.UTF_8)) // whatever the locale says
    // Ctrl-C ends the audio, and the last final still comes, within a few seconds.
    Runtime.getRuntime().addShutdownHook(Thread {
        interrupted = true
        finished.await(5, TimeUnit.SECONDS)
    })
    try {
        Wav(arguments[1]).use { wav -> runBlocking { transcribe(checked(arguments[0]), wav) } }
    } catch (failure: StatusException) {
        val cause = failure.cause?.message?.let { ": $it" } ?: "" // says whom the connection was meant for
        System.err.println(failure.message + cause)
        finished.countDown()
        exitProcess(1)
    } catch (failure: IOException) {
        System.err.println(failure.message)
        finished.countDown()
        exitProcess(1)
    }
    finished.countDown()
}

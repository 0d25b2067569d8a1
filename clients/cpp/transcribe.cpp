// Streams a WAV file to an Amira server and prints each final result on a line of its own.
//
//   transcribe HOST:PORT FILE.wav

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "amira/asr/v1/speech.grpc.pb.h"
#include "wav.hpp"

namespace asr = amira::asr::v1;
using Stream = grpc::ClientReaderWriter<asr::StreamingRecognizeRequest, asr::StreamingRecognizeResponse>;

namespace {

std::atomic<bool> interrupted{false};

/// Ctrl-C ends the audio, and the last final still comes; a second one ends the program.
extern "C" void on_interrupt(int number) {
  interrupted = true;
  std::signal(number, SIG_DFL);
}

/// Stops where the stream has ended: what went wrong is the status that Finish() gives.
void send(Stream& stream, Wav& wav) {
  asr::StreamingRecognizeRequest request;
  auto& config = *request.mutable_config();
  config.set_encoding(asr::AUDIO_ENCODING_LINEAR16);
  config.set_sample_rate_hz(static_cast<int>(wav.rate_hz()));
  config.set_interim_results(true);

  std::int64_t offset = 0;  // in samples
  while (stream.Write(request) && !interrupted) {
    std::string piece = wav.next(100);
    if (piece.empty()) break;
    const auto samples = static_cast<std::int64_t>(piece.size() / 2);
    auto& chunk = *request.mutable_audio();
    chunk.set_content(std::move(piece));
    chunk.set_offset(offset);
    offset += samples;
  }
  stream.WritesDone();  // no audio follows: the last final comes, then status OK
}

/// gRPC ends the whole program over metadata with, for example, a newline.
std::string api_key() {
  const char* given = std::getenv("AMIRA_API_KEY");
  const std::string key = given == nullptr ? "" : given;
  const bool fits = std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (!fits) throw std::runtime_error("AMIRA_API_KEY holds a space, a newline or another character that no key has");
  return key;
}

grpc::Status transcribe(const std::string& address, Wav& wav) {
  grpc::ChannelArguments options;
  options.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30000);  // finds a dead connection; one in 20 s is allowed
  options.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10000);
  options.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // grpc::SslCredentials({}) for TLS
  auto channel = grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), options);
  auto speech = asr::Speech::NewStub(channel);

  grpc::ClientContext context;  // no deadline: it would cover the whole stream
  if (const std::string key = api_key(); !key.empty()) {
    context.AddMetadata("authorization", "Bearer " + key);
  }
  auto stream = speech->StreamingRecognize(&context);
  std::thread sending([&] { send(*stream, wav); });  // while results are read here

  asr::StreamingRecognizeResponse response;
  while (stream->Read(&response)) {
    if (!response.has_result() || response.result().alternatives().empty()) continue;
    const std::string& text = response.result().alternatives(0).text();
    if (response.result().is_final()) {
      std::cout << text << std::endl;
    } else {
      std::cerr << "... " << text << std::endl;
    }
  }
  sending.join();
  return stream->Finish();
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) {
    std::cerr << "usage: transcribe HOST:PORT FILE.wav\n";
    return 2;
  }
  try {
    Wav wav(arguments[2]);
    std::signal(SIGINT, on_interrupt);
    const grpc::Status status = transcribe(arguments[1], wav);
    if (status.ok()) return 0;
    std::cerr << "status " << status.error_code() << ": " << status.error_message() << '\n';
  } catch (const std::runtime_error& problem) {
    std::cerr << problem.what() << '\n';
  }
  return 1;
}

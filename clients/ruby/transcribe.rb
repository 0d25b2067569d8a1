# frozen_string_literal: true

# Streams a 16-bit mono WAV file to Amira and prints each final: ruby transcribe.rb HOST:PORT FILE.wav

$LOAD_PATH.unshift(File.expand_path('../../build/clients/ruby', __dir__)) # where the generated code is
require 'amira/asr/v1/speech_services_pb'
require_relative 'wav'

include Amira::Asr::V1 # rubocop:disable Style/MixinUsage

PIECE_MS = 100

# Prints each final result of +wav+, which gRPC sends from a thread of its own. Raises GRPC::BadStatus.
def transcribe(target, wav)
  stub = Speech::Stub.new(target, :this_channel_is_insecure)
  key = ENV.fetch('AMIRA_API_KEY', '')
  metadata = key.empty? ? {} : { 'authorization' => "Bearer #{key}" }
  stub.streaming_recognize(requests(wav), metadata: metadata).each do |response|
    puts response.result.alternatives.first.text if response.result&.is_final
  end
end

# The stream's messages: the config, then the audio. Ctrl-C ends the audio; a second one ends the program.
def requests(wav)
  stopped = false
  trap('INT') do
    stopped = true
    trap('INT', 'DEFAULT')
  end
  Enumerator.new do |messages|
    config = RecognitionConfig.new(encoding: :AUDIO_ENCODING_LINEAR16, sample_rate_hz: wav.sample_rate_hz)
    messages << StreamingRecognizeRequest.new(config: config)
    offset = 0 # in samples: the server refuses gaps and overlaps
    wav.each_piece(PIECE_MS) do |content|
      break if stopped

      messages << StreamingRecognizeRequest.new(audio: AudioChunk.new(content: content, offset: offset))
      offset += content.bytesize / 2
    end
  end
end

target, path = ARGV
unless path
  warn "usage: ruby #{$PROGRAM_NAME} HOST:PORT FILE.wav"
  exit 2
end
$stdout.sync = true # a line as soon as it is known, into pipes too
begin
  wav = Wav.new(path)
  call = Thread.new { transcribe(target, wav) } # gRPC waits without looking at signals: this thread looks
  call.report_on_exception = false
  call.join
rescue GRPC::BadStatus => e
  warn "#{e.class.name.split('::').last} (#{e.code}): #{e.details}"
  exit! 1 # at once: where there was no channel, gRPC's thread never ends
rescue Wav::Error, SystemCallError => e
  abort e.message
end

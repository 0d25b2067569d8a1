# frozen_string_literal: true

# Reads the samples of 16-bit mono WAV files, piece by piece.
class Wav
  # What is wrong with a file.
  class Error < StandardError; end

  PCM = 1
  EXTENSIBLE = 0xfffe # the real format is then the first two bytes of the sub-format, at byte 24

  attr_reader :sample_rate_hz

  # Raises Wav::Error, or SystemCallError where the file cannot be read.
  def initialize(path)
    @path = path
    @file = File.open(path, 'rb')
    riff, _, wave = take(12).unpack('a4Va4')
    fail_with('not a WAV file') unless [riff, wave] == %w[RIFF WAVE]
    @left = find_samples
  end

  # Yields pieces of +piece_ms+ milliseconds; the last one may be shorter.
  def each_piece(piece_ms)
    piece_bytes = 2 * (sample_rate_hz * piece_ms / 1000)
    loop do
      piece = take([piece_bytes, @left].min)
      @left -= piece.bytesize
      piece = piece.byteslice(0, piece.bytesize & ~1) # a file that was cut off may end within a sample
      break if piece.empty?

      yield piece
    end
  end

  private

  # Reads up to the samples; returns how many bytes they have.
  def find_samples
    loop do
      id, size = take(8).unpack('a4V')
      fail_with('no samples: the data chunk is missing') unless size
      break size if id == 'data' && sample_rate_hz

      fail_with('its format does not come before its samples') if id == 'data'
      content = take(size + (size % 2)) # chunks begin at even places
      @sample_rate_hz = sample_rate_of(content) if id == 'fmt '
    end
  end

  def sample_rate_of(format)
    tag, channels, rate, _, _, bits = format.unpack('vvl<Vvv')
    tag = format.byteslice(24, 2)&.unpack1('v') if tag == EXTENSIBLE
    fail_with('not 16-bit mono PCM: convert it with sox or ffmpeg') if [tag, channels, bits] != [PCM, 1, 16]
    fail_with('its sample rate cannot be') unless rate.positive?
    rate
  end

  # The next +size+ bytes; fewer where the file ends.
  def take(size)
    @file.read(size) || ''.b
  end

  def fail_with(what)
    raise Error, "#{@path}: #{what}"
  end
end

#include "wav.hpp"

#include <algorithm>
#include <stdexcept>

namespace {

constexpr std::uint32_t kPcm = 1;
constexpr std::uint32_t kExtensible = 0xfffe;  // the real format is then at byte 24
constexpr std::uint32_t kMostHz = 1'000'000;

/// A little-endian number of `bytes` bytes; 0 where the text ends before it.
std::uint32_t number(const std::string& text, std::size_t at, std::size_t bytes) {
  if (text.size() < at + bytes) return 0;
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) {
    value |= static_cast<std::uint32_t>(static_cast<unsigned char>(text[at + i])) << (8 * i);
  }
  return value;
}

std::uint32_t rate_of(const std::string& format) {
  const std::uint32_t kind = number(format, 0, 2);
  const std::uint32_t real_kind = kind == kExtensible ? number(format, 24, 2) : kind;
  const bool fits = real_kind == kPcm && number(format, 2, 2) == 1 && number(format, 14, 2) == 16;
  if (!fits) throw std::runtime_error("only WAV files with 16-bit mono PCM can be read");
  const std::uint32_t rate_hz = number(format, 4, 4);
  if (rate_hz == 0 || rate_hz > kMostHz) throw std::runtime_error("a WAV file of " + std::to_string(rate_hz) + " Hz");
  return rate_hz;
}

}  // namespace

Wav::Wav(const std::string& path) : file_(path, std::ios::binary) {
  try {
    if (!file_) throw std::runtime_error("cannot be opened");
    find_samples();
  } catch (const std::runtime_error& problem) {
    throw std::runtime_error(path + ": " + problem.what());
  }
}

std::string Wav::next(std::uint32_t milliseconds) {
  const std::uint64_t samples = std::max<std::uint64_t>(std::uint64_t{rate_hz_} * milliseconds / 1000, 1);
  std::string piece = read(std::min<std::uint64_t>(samples * 2, left_bytes_));
  left_bytes_ -= static_cast<std::uint32_t>(piece.size());
  piece.resize(piece.size() / 2 * 2);  // a file that was cut off may end within a sample
  return piece;
}

void Wav::find_samples() {
  const std::string riff = read(12);
  if (riff.substr(0, 4) != "RIFF" || riff.size() < 12 || riff.substr(8) != "WAVE") {
    throw std::runtime_error("not a WAV file");
  }
  for (std::string header = read(8); header.size() == 8; header = read(8)) {
    const std::string name = header.substr(0, 4);
    std::uint64_t size = number(header, 4, 4);
    if (name == "data") {
      if (rate_hz_ == 0) throw std::runtime_error("a WAV file whose format does not come before its samples");
      left_bytes_ = static_cast<std::uint32_t>(size);
      return;
    }
    size += size % 2;  // chunks begin at even places
    if (name == "fmt ") {
      const std::string format = read(std::min<std::uint64_t>(size, 40));
      rate_hz_ = rate_of(format);
      size -= format.size();
    }
    file_.seekg(static_cast<std::streamoff>(size), std::ios::cur);
  }
  throw std::runtime_error("a WAV file without samples");
}

std::string Wav::read(std::size_t most_bytes) {
  std::string bytes(most_bytes, '\0');
  file_.read(bytes.data(), static_cast<std::streamsize>(most_bytes));
  bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(file_.gcount(), 0)));
  return bytes;
}

#include "wav.hpp"

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace {

/// A little-endian number of `bytes` bytes; there must be as many.
std::uint32_t number(const std::string& text, std::size_t at, std::size_t bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) {
    value |= static_cast<std::uint32_t>(static_cast<unsigned char>(text[at + i])) << (8 * i);
  }
  return value;
}

}  // namespace

Wav read_wav(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path + ": cannot be read");
  std::ostringstream read;
  read << file.rdbuf();
  const std::string content = read.str();
  if (content.size() < 12 || content.compare(0, 4, "RIFF") != 0 || content.compare(8, 4, "WAVE") != 0) {
    throw std::runtime_error(path + " is not a WAV file");
  }
  Wav wav;
  for (std::size_t at = 12; at + 8 <= content.size();) {
    const std::string name = content.substr(at, 4);
    const std::size_t size = number(content, at + 4, 4);
    const std::string body = content.substr(at + 8, size);
    if (name == "fmt " && body.size() >= 16) {
      if (number(body, 0, 2) != 1 || number(body, 2, 2) != 1 || number(body, 14, 2) != 16) {
        throw std::runtime_error(path + ": only WAV files with 16-bit mono PCM");
      }
      wav.rate_hz = number(body, 4, 4);
    } else if (name == "data" && wav.rate_hz > 0) {
      wav.pcm = body.substr(0, body.size() / 2 * 2);
      return wav;
    }
    at += 8 + size + size % 2;
  }
  throw std::runtime_error(path + ": a WAV file without samples");
}

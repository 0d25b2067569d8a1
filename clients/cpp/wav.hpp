#pragma once

#include <cstdint>
#include <string>

/// The samples of a 16-bit mono WAV file, as they lie in it, and their rate.
struct Wav {
  std::string pcm;
  std::uint32_t rate_hz = 0;
};

/// Throws std::runtime_error, saying what is wrong with the file.
Wav read_wav(const std::string& path);

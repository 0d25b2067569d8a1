#pragma once

#include <cstdint>
#include <fstream>
#include <string>

/// A 16-bit mono WAV file, read up to where its samples begin.
class Wav {
 public:
  /// Throws std::runtime_error: which file cannot be used, and why.
  explicit Wav(const std::string& path);

  std::uint32_t rate_hz() const { return rate_hz_; }

  /// The next milliseconds of samples, as they lie in the file: fewer at the end, and nothing after it.
  std::string next(std::uint32_t milliseconds);

 private:
  void find_samples();
  std::string read(std::size_t most_bytes);

  std::ifstream file_;
  std::uint32_t rate_hz_ = 0;
  std::uint32_t left_bytes_ = 0;
};

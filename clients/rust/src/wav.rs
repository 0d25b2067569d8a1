//! Reads the samples of 16-bit mono WAV files, piece by piece.

use std::fs::File;
use std::io::{BufReader, Error, ErrorKind, Read, Result};

const PCM: u16 = 1;
/// The real format is then the first two bytes of the sub-format, at byte 24.
const EXTENSIBLE: u16 = 0xfffe;

/// An open WAV file: an iterator over its audio, in pieces of `piece_ms`; the last one may be shorter.
pub struct Wav {
    file: BufReader<File>,
    pub sample_rate_hz: i32,
    piece_bytes: u64,
    /// Bytes of samples not yet read.
    left: u64,
}

impl Wav {
    /// Fails, saying why, where the file cannot be read or is something else.
    pub fn open(path: &str, piece_ms: u32) -> Result<Self> {
        let mut file = BufReader::new(File::open(path)?);
        let riff = take(&mut file, 12)?;
        if riff.len() < 12 || &riff[..4] != b"RIFF" || &riff[8..] != b"WAVE" {
            return Err(invalid("not a WAV file"));
        }
        let mut sample_rate_hz: Option<i32> = None;
        loop {
            let header = take(&mut file, 8)?;
            if header.len() < 8 {
                return Err(invalid("no samples: the data chunk is missing"));
            }
            let size = u64::from(u32_at(&header, 4));
            if &header[..4] == b"data" {
                let rate = sample_rate_hz.ok_or(invalid("its format does not come before its samples"))?;
                let piece_bytes = 2 * (u64::from(rate.unsigned_abs()) * u64::from(piece_ms) / 1000);
                return Ok(Self { file, sample_rate_hz: rate, piece_bytes, left: size });
            }
            let content = take(&mut file, size + size % 2)?; // chunks begin at even places
            if &header[..4] == b"fmt " {
                sample_rate_hz = Some(sample_rate_of(&content)?);
            }
        }
    }
}

impl Iterator for Wav {
    type Item = Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        take(&mut self.file, self.piece_bytes.min(self.left))
            .map(|mut piece| {
                self.left -= piece.len() as u64;
                piece.truncate(piece.len() / 2 * 2); // a file that was cut off may end within a sample
                (!piece.is_empty()).then_some(piece)
            })
            .transpose()
    }
}

/// The next `size` bytes; fewer where the file ends.
fn take(file: &mut BufReader<File>, size: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(size).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn sample_rate_of(format: &[u8]) -> Result<i32> {
    let is = |at: usize, value: u16| format.get(at..at + 2) == Some(&value.to_le_bytes()[..]);
    let pcm = is(0, PCM) || (is(0, EXTENSIBLE) && is(24, PCM));
    if !pcm || !is(2, 1) || !is(14, 16) {
        return Err(invalid("not 16-bit mono PCM: convert it with sox or ffmpeg"));
    }
    match u32_at(format, 4).cast_signed() {
        rate @ 1.. => Ok(rate),
        _ => Err(invalid("its sample rate cannot be")),
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn invalid(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

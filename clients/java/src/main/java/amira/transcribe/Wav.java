package amira.transcribe;

import java.io.FileInputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;

/**
 * The samples of a 16-bit mono WAV file.
 *
 * @param sampleRateHz samples per second
 * @param samples little-endian, two bytes each: a mapping of the file
 */
record Wav(int sampleRateHz, ByteBuffer samples) {
  private static final short PCM = 1;

  /** The real format is then the first two bytes of the sub-format, at byte 24. */
  private static final short EXTENSIBLE = (short) 0xfffe;

  /** Opens a file of up to 2 GiB; the IOException says why where it cannot be used. */
  static Wav open(String path) throws IOException {
    try (FileInputStream file = new FileInputStream(path)) {
      FileChannel channel = file.getChannel();
      if (channel.size() > Integer.MAX_VALUE) {
        throw new IOException("larger than 2 GiB");
      }
      return parse(channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size()));
    } catch (FileNotFoundException e) {
      throw e; // its message names the file
    } catch (IOException e) {
      throw new IOException(path + ": " + e.getMessage(), e);
    }
  }

  /** The next {@code ms} milliseconds: fewer at the end, and nothing after it. */
  ByteBuffer next(int ms) {
    long size = Math.min(2L * ((long) sampleRateHz * ms / 1000), samples.remaining());
    ByteBuffer piece = samples.slice(samples.position(), (int) size);
    samples.position(samples.position() + piece.limit());
    return piece;
  }

  private static Wav parse(ByteBuffer file) throws IOException {
    if (file.limit() < 12 || !name(file, 0).equals("RIFF") || !name(file, 8).equals("WAVE")) {
      throw new IOException("not a WAV file");
    }
    int sampleRateHz = 0;
    long next = 12;
    while (next + 8 <= file.limit()) {
      int at = (int) next;
      ByteBuffer header = part(file, at, 8);
      ByteBuffer content = part(file, at + 8, Integer.toUnsignedLong(header.getInt(4)));
      switch (name(header, 0)) {
        case "fmt " -> sampleRateHz = sampleRateOf(content);
        case "data" -> {
          if (sampleRateHz == 0) {
            throw new IOException("its format does not come before its samples");
          }
          // A file that was cut off may end within a sample.
          return new Wav(sampleRateHz, part(content, 0, content.limit() & ~1));
        }
        default -> {}
      }
      next += 8L + content.limit() + content.limit() % 2; // chunks begin at even places
    }
    throw new IOException("no samples: the data chunk is missing");
  }

  private static int sampleRateOf(ByteBuffer format) throws IOException {
    short tag = format.limit() < 16 ? 0 : format.getShort(0);
    if (tag == EXTENSIBLE && format.limit() >= 26) {
      tag = format.getShort(24);
    }
    if (tag != PCM || format.getShort(2) != 1 || format.getShort(14) != 16) {
      throw new IOException("not 16-bit mono PCM: convert it with sox or ffmpeg");
    }
    if (format.getInt(4) <= 0) {
      throw new IOException("its sample rate cannot be");
    }
    return format.getInt(4);
  }

  /** {@code size} bytes from {@code at} on; fewer where the file ends. */
  private static ByteBuffer part(ByteBuffer file, int at, long size) {
    return file.slice(at, (int) Math.min(size, file.limit() - at)).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static String name(ByteBuffer file, int at) {
    return StandardCharsets.ISO_8859_1.decode(file.slice(at, 4)).toString();
  }
}

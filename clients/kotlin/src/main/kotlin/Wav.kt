package amira.transcribe

import java.io.BufferedInputStream
import java.io.Closeable
import java.io.DataInputStream
import java.io.EOFException
import java.io.FileInputStream
import java.io.IOException
import java.nio.ByteBuffer
import java.nio.ByteOrder

private const val PCM = 1
private const val EXTENSIBLE = 0xfffe // the real format is then at byte 24
private const val MOST_HZ = 1_000_000

/** A 16-bit mono WAV file, read up to where its samples begin. Raises IOException where it is something else. */
class Wav(path: String) : Closeable {
    private val file = DataInputStream(BufferedInputStream(FileInputStream(path)))
    private var leftBytes = 0L

    var rateHz = 0
        private set

    init {
        try {
            findSamples()
        } catch (_: EOFException) {
            file.close()
            throw IOException("$path: not a WAV file with samples")
        } catch (problem: IOException) {
            file.close()
            throw IOException("$path: ${problem.message}")
        }
    }

    /** The next milliseconds of samples, as they lie in the file: fewer at the end, and nothing after it. */
    fun next(milliseconds: Int): ByteArray {
        val wanted = minOf(maxOf(rateHz.toLong() * milliseconds / 1000, 1) * 2, leftBytes)
        val piece = file.readNBytes(wanted.toInt())
        leftBytes -= piece.size
        return if (piece.size % 2 == 0) piece else piece.copyOf(piece.size - 1) // cut off within a sample
    }

    override fun close() = file.close()

    private fun findSamples() {
        val riff = String(exactly(12), Charsets.ISO_8859_1)
        if (!riff.startsWith("RIFF") || !riff.endsWith("WAVE")) throw IOException("not a WAV file")
        while (true) {
            val header = numbers(exactly(8))
            val size = header.getInt(4).toLong() and 0xffffffffL
            when (String(header.array(), 0, 4, Charsets.ISO_8859_1)) {
                "fmt " -> {
                    val format = file.readNBytes(minOf(size, 40L).toInt())
                    rateHz = rateOf(format)
                    file.skipNBytes(size - format.size + size % 2)
                }
                "data" -> {
                    if (rateHz == 0) throw IOException("its format does not come before its samples")
                    leftBytes = size
                    return
                }
                else -> file.skipNBytes(size + size % 2) // chunks begin at even places
            }
        }
    }

    private fun rateOf(content: ByteArray): Int {
        val format = numbers(content.copyOf(40))
        val kind = format.getShort(if (format.getShort(0).toInt() and 0xffff == EXTENSIBLE) 24 else 0).toInt()
        if (content.size < 16 || kind != PCM || format.getShort(2).toInt() != 1 || format.getShort(14).toInt() != 16) {
            throw IOException("only WAV files with 16-bit mono PCM can be read")
        }
        return format.getInt(4).also { if (it !in 1..MOST_HZ) throw IOException("a WAV file of $it Hz") }
    }

    private fun exactly(bytes: Int) = ByteArray(bytes).also(file::readFully)

    private fun numbers(bytes: ByteArray) = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN)
}

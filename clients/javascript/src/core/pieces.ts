/** Bytes from whatever holds them, cut where samples end. */

/** Bytes, or samples in the machine's order (which is the protocol's: little-endian). */
export type Bytes = ArrayBuffer | ArrayBufferView;

export const bytesOf = (data: Bytes): Uint8Array =>
  ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data);

/** The same bytes in pieces of whole `unitBytes`; a rest at the end that is none is a RangeError. */
export async function* inPieces(
  source: AsyncIterable<Bytes> | Iterable<Bytes>,
  unitBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let rest = new Uint8Array(0);
  for await (const piece of source) {
    const bytes = rest.byteLength ? joined([rest, bytesOf(piece)]) : bytesOf(piece);
    const whole = bytes.byteLength - (bytes.byteLength % unitBytes);
    rest = bytes.slice(whole);
    if (whole) yield bytes.subarray(0, whole);
  }
  if (rest.byteLength) {
    throw new RangeError(
      `the audio ends in the middle of a sample of ${String(unitBytes)} bytes: is it cut off, or in another encoding?`,
    );
  }
}

export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.byteLength;
  }
  return all;
}

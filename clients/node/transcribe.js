// Streams a 16-bit mono WAV file to Amira and prints each final: node transcribe.js HOST:PORT FILE.wav
import { basename } from "node:path";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import grpc from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";
import { Wav } from "./wav.js";

const PROTOS = fileURLToPath(new URL("../../protos", import.meta.url));
const PIECE_MS = 100;

/** Prints each final result of `wav`, which it sends as fast as the server takes it. Throws grpc.ServiceError. */
async function transcribe(target, wav) {
  const definition = await protoLoader.load("amira/asr/v1/speech.proto", { includeDirs: [PROTOS] });
  const { Speech } = grpc.loadPackageDefinition(definition).amira.asr.v1;
  const client = new Speech(target, grpc.credentials.createInsecure());
  const metadata = new grpc.Metadata();
  const key = process.env.AMIRA_API_KEY;
  if (key) metadata.set("authorization", `Bearer ${key}`);

  const call = client.StreamingRecognize(metadata);
  Readable.from(requests(wav)).pipe(call); // pipe waits where the server is behind, and half-closes at the end
  for await (const { result } of call) {
    if (result?.isFinal) console.log(result.alternatives[0].text);
  }
  client.close();
}

/** The stream's messages: the config, then the audio. Ctrl-C ends the audio; a second one ends the program. */
function* requests(wav) {
  let stopped = false;
  process.once("SIGINT", () => (stopped = true));
  yield { config: { encoding: "AUDIO_ENCODING_LINEAR16", sampleRateHz: wav.sampleRateHz } };
  let offset = 0; // in samples: the server refuses gaps and overlaps
  for (const content of wav.pieces(PIECE_MS)) {
    if (stopped) break;
    yield { audio: { content, offset } };
    offset += content.length / 2;
  }
}

const [target, path] = process.argv.slice(2);
if (!path) {
  console.error(`usage: node ${basename(process.argv[1])} HOST:PORT FILE.wav`);
  process.exit(2);
}
try {
  await transcribe(target, new Wav(path));
} catch (error) {
  console.error(error.details === undefined ? error.message : `${grpc.status[error.code]}: ${error.details}`);
  process.exit(1);
}

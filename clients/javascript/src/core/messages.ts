/**
 * The messages of amira.asr.v1 as this library's users see them: times in seconds, enums as their short names.
 * What each field means, with defaults and bounds, is said in protos/amira/asr/v1.
 */

/** How audio bytes are to be read. */
export type AudioEncoding = "LINEAR16" | "FLOAT32" | "MULAW" | "ALAW" | "FLAC" | "WAV" | "OGG_OPUS";

/** How words are searched for. */
export type DecodingMethod = "GREEDY" | "BEAM" | "K2";

/** How patient the server is before a segment ends: after 1.2 s, 0.8 s or 0.5 s of silence, or not by itself. */
export type EndpointPreset = "STANDARD" | "SHORT" | "VERY_SHORT" | "OFF";

/** One phrase to favour; `boost` in nats per token, -20 to 20. */
export interface Hotword {
  phrase: string;
  boost?: number;
}

/** Phrases that the speaker is likely to use. */
export interface HotwordSet {
  phrases: readonly (string | Hotword)[];
  /** For phrases that name none, 0 to 20; default 1.5. */
  defaultBoost?: number;
}

/** When a segment ends. A rule that is left out comes from the preset. */
export interface EndpointConfig {
  preset?: EndpointPreset;
  silenceWithoutSpeechS?: number;
  silenceAfterSpeechS?: number;
  maxSegmentS?: number;
}

/** How to recognize a stream. */
export interface RecognitionConfig {
  /** Filled in where the audio tells: files and the microphone. */
  encoding?: AudioEncoding;
  /** 8000 to 48000; required for audio without a header. */
  sampleRateHz?: number;
  /** Interleaved channels, 1 to 8; default 1. */
  channels?: number;
  /** Which channel to recognize, from 0. */
  channel?: number;
  model?: string;
  interimResults?: boolean;
  maxAlternatives?: number;
  wordTimes?: boolean;
  hotwords?: HotwordSet;
  endpoint?: EndpointConfig;
  decodingMethod?: DecodingMethod;
}

/** What may change in mid-stream. What is left out stays as it was. */
export interface ConfigUpdate {
  hotwords?: HotwordSet;
  endpoint?: EndpointConfig;
  interimResults?: boolean;
}

/** Who serves a stream. */
export interface SessionInfo {
  /** Quote it in reports. */
  sessionId: string;
  model: string;
  modelVersion: string;
  /** Audio that the encoder eats per step, in seconds. */
  chunkDurationS: number;
  /** Audio needed beyond a chunk before it can be decoded, in seconds. */
  lookAheadS: number;
  /** W3C trace id, 32 hex digits; empty when tracing is off. */
  traceId: string;
}

/** One word; times in seconds from the start of the stream. */
export interface Word {
  text: string;
  startS: number;
  endS: number;
  /** In [0, 1]; undefined where unknown. */
  confidence: number | undefined;
}

/** One reading of a segment. */
export interface Alternative {
  text: string;
  /** In [0, 1]; undefined where unknown. */
  confidence: number | undefined;
  /** Where word times were asked for. */
  words: Word[];
}

/** The words of (part of) one segment. */
export interface StreamingResult {
  /** From 0; all partials and the one final of a segment carry its id. */
  segmentId: number;
  isFinal: boolean;
  /** The best reading: `alternatives[0].text`. */
  text: string;
  /** Best first. */
  alternatives: Alternative[];
  /** How likely all of this text stays as it is, in [0, 1]. */
  stability: number;
  /** Words at the beginning that are not expected to change any more. */
  stableWords: number;
  /** Audio decoded so far, in seconds from the start of the stream. */
  audioProcessedS: number;
  segmentStartS: number;
}

/** Speech began or ended. */
export interface SpeechEvent {
  kind: "SPEECH_START" | "SPEECH_END";
  /** In seconds from the start of the stream: the first word's start, the last word's end. */
  offsetS: number;
  segmentId: number;
}

/** The server will end the stream in a while: send audio or `keepAlive()`, or begin another stream. */
export interface StreamWarning {
  kind: "IDLE" | "MAX_STREAM";
  timeLeftS: number;
}

/** The server is about to stop. */
export interface Draining {
  timeLeftS: number;
}

/** How far the server is behind. */
export interface StreamLag {
  /** Audio received but not yet decoded, in seconds. */
  audioS: number;
  /** From the arrival of the audio that completed the newest decoded chunk to this response; on results only. */
  serverLatencyS: number | undefined;
}

/** A place where any server can go on with the stream. */
export interface ResumePoint {
  audioOffset: number;
  /** As the server sent it, to be sent back unchanged. */
  wire: object;
}

/** One message from the server: `kind` says which of the fields is there. */
export interface StreamingResponse {
  kind: "session" | "result" | "event" | "mark" | "draining" | "warning" | "none";
  session?: SessionInfo;
  result?: StreamingResult;
  event?: SpeechEvent;
  mark?: { id: string };
  draining?: Draining;
  warning?: StreamWarning;
  sequence: number;
  /** Audio before this offset has arrived; in samples per channel, with FLAC, WAV and OGG_OPUS in bytes. */
  receivedOffset: number;
  resumePoint?: ResumePoint;
  lag?: StreamLag;
  /** A small stand-in serves the stream: results may come later. */
  degraded: boolean;
  /** Of `session` alone, and for the library's own use. */
  resuming?: { token: string; offset: number; controls: number };
}

/** A model that the server can run. */
export interface ModelInfo {
  name: string;
  version: string;
  /** BCP-47. */
  languageCode: string;
  chunkDurationS: number;
  lookAheadS: number;
}

/** Bounds on requests; 0 where the server named none. */
export interface Limits {
  minSampleRateHz: number;
  maxSampleRateHz: number;
  maxChannels: number;
  maxHotwords: number;
  maxUnaryAudioS: number;
  maxMessageBytes: number;
  maxAlternatives: number;
  idleTimeoutS: number;
  maxStreamS: number;
}

/** What a server offers. */
export interface Capabilities {
  /** The first is the default. */
  models: ModelInfo[];
  encodings: AudioEncoding[];
  decodingMethods: DecodingMethod[];
  limits: Limits;
  serverVersion: string;
}

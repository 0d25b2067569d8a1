/**
 * Between this library's messages and protobuf's objects, which have one shape in its JSON and in grpc-js but for
 * two things: durations ("1.280s" or {seconds, nanos}) and bytes (base64 or Buffer).
 */

import { AmiraClientError } from "./errors.js";
import type {
  Alternative,
  AudioEncoding,
  Capabilities,
  ConfigUpdate,
  DecodingMethod,
  EndpointConfig,
  HotwordSet,
  Limits,
  ModelInfo,
  RecognitionConfig,
  ResumePoint,
  SpeechEvent,
  StreamingResponse,
  StreamingResult,
  StreamWarning,
  Word,
} from "./messages.js";
import type { Control, Opening } from "./requests.js";

/** How a transport writes seconds. */
export type WriteDuration = (seconds: number) => unknown;

export const jsonDuration: WriteDuration = (seconds) => `${Math.max(0, seconds).toFixed(9)}s`;

export const messageDuration: WriteDuration = (seconds) => {
  const whole = Math.floor(Math.max(0, seconds));
  return { seconds: whole, nanos: Math.round((Math.max(0, seconds) - whole) * 1e9) };
};

// -- to the server ---------------------------------------------------------------------------

export function wireOpening(opening: Opening, duration: WriteDuration): object {
  return defined({
    config: wireConfig(opening.config, duration),
    resumable: opening.resumable || undefined,
    resumePoint: opening.resumePoint?.wire,
  });
}

export function wireConfig(config: RecognitionConfig, duration: WriteDuration): object {
  return defined({
    ...config,
    encoding: config.encoding && `AUDIO_ENCODING_${config.encoding}`,
    decodingMethod: config.decodingMethod && `DECODING_METHOD_${config.decodingMethod}`,
    hotwords: config.hotwords && wireHotwords(config.hotwords),
    endpoint: config.endpoint && wireEndpoint(config.endpoint, duration),
  });
}

export function wireControl(control: Control, duration: WriteDuration): object {
  return control.updateConfig ? { updateConfig: wireUpdate(control.updateConfig, duration) } : control;
}

function wireUpdate(update: ConfigUpdate, duration: WriteDuration): object {
  return defined({
    hotwords: update.hotwords && wireHotwords(update.hotwords),
    endpoint: update.endpoint && wireEndpoint(update.endpoint, duration),
    interimResults: update.interimResults,
  });
}

function wireHotwords(set: HotwordSet): object {
  const phrases = set.phrases.map((hotword) => (typeof hotword === "string" ? { phrase: hotword } : hotword));
  return defined({ phrases, defaultBoost: set.defaultBoost });
}

function wireEndpoint(endpoint: EndpointConfig, duration: WriteDuration): object {
  const seconds = (value: number | undefined): unknown => (value === undefined ? undefined : duration(value));
  return defined({
    preset: endpoint.preset && `ENDPOINT_PRESET_${endpoint.preset}`,
    silenceWithoutSpeech: seconds(endpoint.silenceWithoutSpeechS),
    silenceAfterSpeech: seconds(endpoint.silenceAfterSpeechS),
    maxSegment: seconds(endpoint.maxSegmentS),
  });
}

function defined(fields: Record<string, unknown>): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

// -- from the server -------------------------------------------------------------------------

type Fields = Record<string, unknown>;

/** Raises AmiraClientError for what is no StreamingRecognizeResponse. */
export function readResponse(wire: unknown): StreamingResponse {
  if (!isFields(wire)) throw unreadable();
  const response: StreamingResponse = {
    kind: "none",
    sequence: number(wire["sequence"]),
    receivedOffset: number(wire["receivedOffset"]),
    degraded: wire["degraded"] === true,
  };
  readContent(wire, response);
  if (isFields(wire["resumePoint"])) response.resumePoint = readPoint(wire["resumePoint"]);
  if (isFields(wire["lag"])) {
    const { audio, serverLatency } = wire["lag"];
    response.lag = {
      audioS: seconds(audio),
      serverLatencyS: serverLatency === undefined ? undefined : seconds(serverLatency),
    };
  }
  return response;
}

function readContent(wire: Fields, response: StreamingResponse): void {
  const { session, result, event, mark, draining, warning } = wire;
  if (isFields(session)) Object.assign(response, readSession(session));
  else if (isFields(result)) Object.assign(response, { kind: "result", result: readResult(result) });
  else if (isFields(event)) Object.assign(response, { kind: "event", event: readEvent(event) });
  else if (isFields(mark)) Object.assign(response, { kind: "mark", mark: { id: text(mark["id"]) } });
  else if (isFields(draining))
    Object.assign(response, { kind: "draining", draining: { timeLeftS: seconds(draining["timeLeft"]) } });
  else if (isFields(warning)) Object.assign(response, { kind: "warning", warning: readWarning(warning) });
}

function readSession(wire: Fields): Partial<StreamingResponse> {
  return {
    kind: "session",
    session: {
      sessionId: text(wire["sessionId"]),
      model: text(wire["model"]),
      modelVersion: text(wire["modelVersion"]),
      chunkDurationS: seconds(wire["chunkDuration"]),
      lookAheadS: seconds(wire["lookAhead"]),
      traceId: text(wire["traceId"]),
    },
    resuming: {
      token: text(wire["resumeToken"]),
      offset: number(wire["resumeOffset"]),
      controls: number(wire["resumeControls"]),
    },
  };
}

/** Also the elements of RecognizeResponse.results. */
export function readResult(wire: Fields): StreamingResult {
  const alternatives = list(wire["alternatives"]).map(readAlternative);
  return {
    segmentId: number(wire["segmentId"]),
    isFinal: wire["isFinal"] === true,
    text: alternatives[0]?.text ?? "",
    alternatives,
    stability: number(wire["stability"]),
    stableWords: number(wire["stableWords"]),
    audioProcessedS: seconds(wire["audioProcessed"]),
    segmentStartS: seconds(wire["segmentStart"]),
  };
}

function readAlternative(wire: Fields): Alternative {
  return {
    text: text(wire["text"]),
    confidence: optionalNumber(wire["confidence"]),
    words: list(wire["words"]).map(readWord),
  };
}

function readWord(wire: Fields): Word {
  return {
    text: text(wire["text"]),
    startS: seconds(wire["start"]),
    endS: seconds(wire["end"]),
    confidence: optionalNumber(wire["confidence"]),
  };
}

function readEvent(wire: Fields): SpeechEvent {
  return {
    kind: short(wire["kind"], "KIND_") as SpeechEvent["kind"],
    offsetS: seconds(wire["offset"]),
    segmentId: number(wire["segmentId"]),
  };
}

const readWarning = (wire: Fields): StreamWarning => ({
  kind: short(wire["kind"], "KIND_") as StreamWarning["kind"],
  timeLeftS: seconds(wire["timeLeft"]),
});

const readPoint = (wire: Fields): ResumePoint => ({ audioOffset: number(wire["audioOffset"]), wire });

/** Raises AmiraClientError for what is no GetCapabilitiesResponse. */
export function readCapabilities(wire: unknown): Capabilities {
  if (!isFields(wire)) throw unreadable();
  return {
    models: list(wire["models"]).map(readModel),
    encodings: names(wire["encodings"], "AUDIO_ENCODING_") as AudioEncoding[],
    decodingMethods: names(wire["decodingMethods"], "DECODING_METHOD_") as DecodingMethod[],
    limits: readLimits(isFields(wire["limits"]) ? wire["limits"] : {}),
    serverVersion: text(wire["serverVersion"]),
  };
}

const readModel = (wire: Fields): ModelInfo => ({
  name: text(wire["name"]),
  version: text(wire["version"]),
  languageCode: text(wire["languageCode"]),
  chunkDurationS: seconds(wire["chunkDuration"]),
  lookAheadS: seconds(wire["lookAhead"]),
});

const readLimits = (wire: Fields): Limits => ({
  minSampleRateHz: number(wire["minSampleRateHz"]),
  maxSampleRateHz: number(wire["maxSampleRateHz"]),
  maxChannels: number(wire["maxChannels"]),
  maxHotwords: number(wire["maxHotwords"]),
  maxUnaryAudioS: seconds(wire["maxUnaryAudio"]),
  maxMessageBytes: number(wire["maxMessageBytes"]),
  maxAlternatives: number(wire["maxAlternatives"]),
  idleTimeoutS: seconds(wire["idleTimeout"]),
  maxStreamS: seconds(wire["maxStream"]),
});

export const unreadable = (): AmiraClientError =>
  new AmiraClientError("A response cannot be read: is this an Amira server?");

export const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const list = (value: unknown): Fields[] => (Array.isArray(value) ? value.filter(isFields) : []);

const names = (value: unknown, prefix: string): string[] =>
  Array.isArray(value) ? value.map((name) => short(name, prefix)) : [];

const short = (value: unknown, prefix: string): string => text(value).replace(prefix, "");

export const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** Also of 64-bit numbers, which come as text. */
function number(value: unknown): number {
  const converted = typeof value === "string" ? Number(value) : value;
  return typeof converted === "number" && Number.isFinite(converted) ? converted : 0;
}

const optionalNumber = (value: unknown): number | undefined => (value === undefined ? undefined : number(value));

export function seconds(value: unknown): number {
  if (typeof value === "string") return number(value.replace(/s$/, ""));
  return isFields(value) ? number(value["seconds"]) + number(value["nanos"]) / 1e9 : 0;
}

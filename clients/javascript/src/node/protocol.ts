/** The public protocol as grpc-js takes it, from the descriptor that the build makes of protos/. */

import {
  fromJSON,
  type MessageTypeDefinition,
  type MethodDefinition,
  type ServiceDefinition,
} from "@grpc/proto-loader";
import descriptor from "./descriptor.json" with { type: "json" };

const definitions = fromJSON(descriptor as Parameters<typeof fromJSON>[0], {
  longs: String,
  enums: String,
  defaults: false,
});

const service = definitions["amira.asr.v1.Speech"] as ServiceDefinition;

export type Method = MethodDefinition<object, object>;

const method = (name: string): Method => service[name] as Method;

export const STREAMING_RECOGNIZE = method("StreamingRecognize");
export const RECOGNIZE = method("Recognize");
export const GET_CAPABILITIES = method("GetCapabilities");

const message = (name: string): MessageTypeDefinition<object, object> =>
  definitions[name] as MessageTypeDefinition<object, object>;

export const STATUS = message("google.rpc.Status");
export const ERROR_INFO = message("google.rpc.ErrorInfo");
export const RETRY_INFO = message("google.rpc.RetryInfo");

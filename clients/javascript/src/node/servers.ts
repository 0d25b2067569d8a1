/** A channel to each server. */

import { Client, Metadata, type ChannelOptions } from "@grpc/grpc-js";
import type { Server } from "../core/servers.js";
import { channelCredentials, type Tls } from "./access.js";

const OPTIONS: ChannelOptions = {
  // A connection of its own, with none of another client's failures.
  "grpc.use_local_subchannel_pool": 1,
  "grpc.max_receive_message_length": 16 * 1024 * 1024,
  "grpc.max_send_message_length": 64 * 1024 * 1024,
  // Pings find a dead connection; the server allows one per 20 s.
  "grpc.keepalive_time_ms": 30_000,
  "grpc.keepalive_timeout_ms": 10_000,
  // A server that comes back is found again within two seconds (grpc would wait up to two minutes).
  "grpc.initial_reconnect_backoff_ms": 200,
  "grpc.max_reconnect_backoff_ms": 2_000,
  // A call that is sent again by grpc would be held in memory for that, beyond our own bounds.
  "grpc.enable_retries": 0,
};

export interface GrpcServer extends Server {
  readonly client: Client;
  readonly secure: boolean;
  readonly hasSecret: boolean;
}

export function grpcServer(target: string, tls: Tls | null, hasSecret: boolean): GrpcServer {
  const options = { ...OPTIONS, ...(tls?.serverName && { "grpc.ssl_target_name_override": tls.serverName }) };
  return { target, client: new Client(target, channelCredentials(tls), options), secure: tls !== null, hasSecret };
}

/** One address each. A gRPC name such as `ipv4:10.0.0.1:50051,10.0.0.2:50051` holds its commas itself. */
export function splitTargets(target: string | readonly string[]): string[] {
  const given = typeof target === "string" ? [target] : target;
  const targets = given
    .flatMap((one) => (/^ipv[46]:/.test(one) ? [one] : one.split(",")))
    .map((one) => one.trim())
    .filter(Boolean);
  if (targets.length === 0) throw new TypeError("no server address: give host:port");
  return targets;
}

/** Headers as grpc takes them. */
export function metadataOf(headers: Record<string, string>): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return metadata;
}

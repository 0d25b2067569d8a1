/** Calls with one answer: the first server that is there gives it, and a refusal is waited out as long as it asks. */

import { status as codes, type Metadata, type ServiceError } from "@grpc/grpc-js";
import { ServerError } from "../core/errors.js";
import { Backoff, isLoss } from "../core/resuming.js";
import type { Servers } from "../core/servers.js";
import { nowS, sleep } from "../core/time.js";
import { failureOf, unwritable } from "./failures.js";
import type { Method } from "./protocol.js";
import type { GrpcServer } from "./servers.js";

export interface UnaryOptions {
  servers: Servers<GrpcServer>;
  metadata: () => Promise<Metadata>;
  /** Bound on all of it, in seconds; what is left of it is each call's deadline. */
  timeoutS: number;
  /** How long refusals that name a delay are waited out; 0: not at all. */
  refusedForS: number;
  signal?: AbortSignal | undefined;
}

/** Rejects with ServerError: the first server's, if none is there; or with the signal's reason. */
export async function ask(method: Method, request: object, options: UnaryOptions): Promise<object> {
  const { servers, timeoutS, refusedForS, signal } = options;
  const [startS, backoff] = [nowS(), new Backoff()];
  for (;;) {
    let first: ServerError | undefined;
    for (const server of servers.inTurn(servers.preferred)) {
      try {
        return await once(method, request, server, options, startS + timeoutS);
      } catch (error) {
        if (!(error instanceof ServerError) || !(isLoss(error) || error.status === "RESOURCE_EXHAUSTED")) throw error;
        first ??= error;
      }
    }
    const error = first as ServerError;
    const delayS = backoff.nextS(error.retryAfterS);
    const waitedS = nowS() - startS + delayS;
    if (error.retryAfterS === undefined || waitedS > refusedForS || waitedS > timeoutS) throw error;
    await sleep(delayS, signal);
    signal?.throwIfAborted();
  }
}

async function once(
  method: Method,
  request: object,
  server: GrpcServer,
  options: UnaryOptions,
  untilS: number,
): Promise<object> {
  const { signal } = options;
  const metadata = await options.metadata();
  signal?.throwIfAborted();
  const deadline = new Date(Date.now() + Math.max(0, untilS - nowS()) * 1000);
  const { path, requestSerialize, responseDeserialize } = method;
  return new Promise((resolve, reject) => {
    const answered = (error: ServiceError | null, answer?: object): void => {
      signal?.removeEventListener("abort", cancel);
      if (!error) resolve(answer ?? {});
      else if (signal?.aborted && error.code === codes.CANCELLED) reject(signal.reason as Error);
      else reject(failureOf(error, server));
    };
    let call: { cancel: () => void } | undefined;
    const cancel = (): void => call?.cancel();
    signal?.addEventListener("abort", cancel, { once: true });
    try {
      call = server.client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadata,
        { deadline },
        answered,
      );
    } catch (error) {
      reject(unwritable(method, error));
    }
  });
}

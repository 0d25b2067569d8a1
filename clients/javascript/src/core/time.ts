/** Waiting, with an end. */

/** Monotonic, in seconds. */
export const nowS = (): number => performance.now() / 1000;

/** True after `seconds`; false as soon as `signal` aborts. */
export function sleep(seconds: number, signal?: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    if (signal?.aborted) {
      resolve(false);
      return;
    }
    const stop = (): void => {
      clearTimeout(timer);
      resolve(false);
    };
    const timer = setTimeout(
      () => {
        signal?.removeEventListener("abort", stop);
        resolve(true);
      },
      Math.max(0, seconds * 1000),
    );
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** What `work` gives, or what `late` throws when it takes longer. */
export async function within<T>(seconds: number, work: Promise<T>, late: () => Error): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(late());
    }, seconds * 1000);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}

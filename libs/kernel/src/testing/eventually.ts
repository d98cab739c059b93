const POLL_MS = 10;

/**
 * Runs `fn` again and again until it neither throws nor rejects, and resolves with its value.
 * After `withinMs` (real time) it rejects with the last failure as its cause.
 */
export async function eventually<T>(
  fn: () => T | Promise<T>,
  options: { readonly withinMs?: number } = {},
): Promise<T> {
  const withinMs = options.withinMs ?? 5000;
  const until = performance.now() + withinMs;
  for (;;) {
    try {
      return await fn();
    } catch (error) {
      if (performance.now() >= until)
        throw new Error(
          `not within ${withinMs} ms: ${error instanceof Error ? error.message : String(error)}`,
          { cause: error },
        );
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

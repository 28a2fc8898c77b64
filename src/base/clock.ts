/** Time as an argument: rooms take a Clock, tests own one. */
export interface Clock {
  /** Milliseconds since 1970, UTC; may jump when the machine's clock is set. */
  now(): number
  /** Milliseconds from an arbitrary start; never goes back. For delays and time limits. */
  monotonic(): number
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
}

/** A clock that stands still until a test moves it. */
export function manualClock(startMs = Date.UTC(2026, 0, 1)): Clock & { advance(ms: number): void } {
  let at = startMs
  return {
    now: () => at,
    monotonic: () => at - startMs,
    advance(ms) {
      at += ms
    },
  }
}

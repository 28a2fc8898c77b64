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

export interface ManualClock extends Clock {
  advance(ms: number): void
  /** The machine's clock is set; no time passes. */
  jump(ms: number): void
}

/** A clock that stands still until a test moves it. */
export function manualClock(startMs = Date.UTC(2026, 0, 1)): ManualClock {
  let at = startMs
  let passed = 0
  return {
    now: () => at,
    monotonic: () => passed,
    advance(ms) {
      at += ms
      passed += ms
    },
    jump(ms) {
      at += ms
    },
  }
}

/**
 * Seconds with two significant digits below ten: `0.05`, `1.2`, `13`. Postfix: log_adhoc.
 * @param digits behind the point, at the most (delay_logging_resolution_limit)
 */
export function delayText(ms: number, digits: number): string {
  const s = Math.max(0, ms) / 1000
  if (s >= 10) return String(Math.round(s))
  const wanted = s < 1e-6 ? 0 : s >= 1 ? 1 : 1 - Math.floor(Math.log10(s))
  return String(Number(s.toFixed(Math.min(digits, wanted))))
}

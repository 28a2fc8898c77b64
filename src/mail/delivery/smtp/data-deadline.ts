/** How long a message may still take on its way: smtp_per_request_deadline, smtp_min_data_rate. */
export class DataDeadline {
  readonly #limitMs: number
  readonly #octetsPerSecond: number
  #leftMs: number

  /** @param limitMs smtp_data_xfer_timeout, which it never exceeds */
  constructor(limitMs: number, octetsPerSecond: number) {
    this.#limitMs = limitMs
    this.#octetsPerSecond = octetsPerSecond
    this.#leftMs = limitMs
  }

  get leftMs(): number {
    return this.#leftMs
  }

  /** So many octets have left in so much time. */
  sent(octets: number, tookMs: number): void {
    const gainedMs = (octets / this.#octetsPerSecond) * 1000
    this.#leftMs = Math.max(0, Math.min(this.#limitMs, this.#leftMs - tookMs + gainedMs))
  }
}

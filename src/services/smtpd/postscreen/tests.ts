/** What a client's tests have come to: pure bookkeeping, in Postfix's rules (postscreen_tests.c, postscreen_misc.c). */

/** In the order in which they are kept. */
export const TESTS = ['pregreet', 'dnsbl', 'pipelining', 'nonSmtp', 'bareNewline'] as const
export type Test = (typeof TESTS)[number]

/** In a dialogue; the others come before the greeting. */
export const DEEP: readonly Test[] = ['pipelining', 'nonSmtp', 'bareNewline']

/** Until when each test counts as passed, ms since 1970; 0: it was never passed. */
export type Expiry = Readonly<Record<Test, number>>
export const NEVER: Expiry = { pregreet: 0, dnsbl: 0, pipelining: 0, nonSmtp: 0, bareNewline: 0 }

export class Results {
  /** Nobody remembers this client. */
  readonly isNew: boolean
  readonly todo: Set<Test>
  readonly passed = new Set<Test>()
  /** Failed with an action that is no `ignore`. */
  readonly failed = new Set<Test>()
  readonly #expiry: Record<Test, number>
  /** The client is stopped by postscreen_access_list, or must not be remembered. */
  unworthy = false

  constructor(known: Expiry | undefined, enabled: readonly Test[], nowMs: number) {
    this.isNew = known === undefined || TESTS.every((test) => known[test] === 0)
    this.#expiry = { ...(known ?? NEVER) }
    this.todo = new Set(enabled.filter((test) => (known?.[test] ?? 0) <= nowMs))
  }

  pass(test: Test, untilMs: number): void {
    this.passed.add(test)
    this.#expiry[test] = untilMs
  }

  /** It was passed before, or will be, but not any more. */
  fail(test: Test): void {
    this.failed.add(test)
    this.passed.delete(test)
    this.#expiry[test] = 0
  }

  /** Lists speak so well of a client that it need not be tested; all count as passed as long as that holds. */
  passAll(untilMs: number): void {
    for (const test of TESTS) {
      if (test === 'dnsbl') continue
      if (this.todo.has(test)) this.passed.add(test)
      this.#expiry[test] = Math.max(this.#expiry[test], untilMs)
    }
  }

  isOpen(test: Test): boolean {
    return this.todo.has(test) && !this.passed.has(test) && !this.failed.has(test)
  }

  /** `PASS NEW`, `PASS OLD`: all that was to be tested is passed; undefined: there was nothing, or not all. */
  get blessing(): 'NEW' | 'OLD' | undefined {
    const clean = this.failed.size === 0 && !this.unworthy
    const all = this.passed.size > 0 && [...this.todo].every((test) => this.passed.has(test))
    return clean && all ? (this.isNew ? 'NEW' : 'OLD') : undefined
  }

  /** What is to be remembered; undefined: nothing new. A client that fails anything gains nothing. */
  get remembered(): Expiry | undefined {
    return this.failed.size > 0 || this.unworthy || this.passed.size === 0 ? undefined : this.#expiry
  }
}
